// The rate limiter's slots, in the ledger: shared by all processes on it, and remembered.
#pragma once

#include "ledger/database.h"
#include "ledger/slot_book.h"

namespace convoke {

/// Every function belongs inside a transaction of the database.
class LedgerSlots final : public SlotBook {
 public:
  explicit LedgerSlots(Database& database);

  /// Makes a window known. One that was not known gets a slot for each call of the ledger that it still covers, so that
  /// a changed limit does not forget what was sent; `unanswered`: how long after it was sent a call without an answer
  /// may still be counted.
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
