// The rate limiter's slots, in the ledger: shared by all processes on it, and remembered.
#pragma once

#include "ledger/database.h"
#include "ledger/slot_book.h"

namespace convoke {

/// Every function belongs inside a transaction of the database.
class LedgerSlots final : public SlotBook {
 public:
  explicit LedgerSlots(Database& database);

  /// Makes a window known, before the first call under it. Calls that it still covers and that went out in runs without
  /// it get a slot each, so that a changed limit does not forget what was sent; `unanswered`: how long after it was
  /// claimed a call may still be counted. Runs at the same time must have the same windows.
  void open_window(Duration window, LedgerTime now, WallTime wall, Duration unanswered);

  int size(Duration window) override;
  Slot earliest(Duration window, int rank) override;
  int taken(Duration window, LedgerTime now) override;
  void set(Duration window, const Slot& slot) override;
  Pace pace() override;
  void set_pace(const Pace& pace) override;

 private:
  Database& database_;
  SQLite::Statement size_;
  SQLite::Statement earliest_;
  SQLite::Statement taken_;
  SQLite::Statement set_;
  SQLite::Statement pace_;
  SQLite::Statement set_pace_;
};

}  // namespace convoke
