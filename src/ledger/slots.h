// The rate limiter's slots, in the ledger: shared by all processes on it, and remembered.
#pragma once

#include <vector>

#include "base/clock.h"
#include "ledger/slot_book.h"
#include "ledger/statement.h"

namespace convoke {

/// A book for the transactions in which the ledger is asked what it knows.
class LedgerSlots final : public SlotBook {
 public:
  explicit LedgerSlots(Database& database);

  /// Reads which windows the ledger knows, once for all calls of this transaction, and makes those of `own` known that
  /// are not: each call that such a window still covers gets a slot of it, whoever made it. `unanswered`: how long
  /// after it was claimed a call may still be counted.
  void know(Transaction& transaction, const std::vector<Duration>& own, LedgerTime now, WallTime wall,
            Duration unanswered);

  /// Of a window that the ledger may not know: the calls that it still covers, whoever made them.
  struct Earlier {
    std::int64_t calls = 0;
    LedgerTime free_at{};
  };
  std::vector<Earlier> earlier_calls(Duration window, LedgerTime now, WallTime wall, Duration unanswered);

  /// Whether the ledger knows the window; its slots count the calls then.
  bool is_known(Duration window);

  /// Forgets what holds nobody back any more: the free slots behind the last that is taken, and windows without slots
  /// that are not among `own`. (Whoever lives by one of those makes it known again.)
  void tidy(Transaction& transaction, const std::vector<Duration>& own, LedgerTime now);

  /// Whether any call may still count in a window.
  bool any_taken(LedgerTime now);

  /// So many calls are not in the ledger, and the server may have counted them until `counted_until`: they take a slot
  /// each in every window that they still count in, also in those that come to be known later.
  void take_forgotten(Transaction& transaction, std::int64_t calls, LedgerTime counted_until, LedgerTime now);

  /// When each slot of the window is free, the earliest first: all at once, where earliest() of each would take its
  /// time (a day's limit has tens of thousands).
  std::vector<LedgerTime> free_times(Duration window);

  std::vector<Duration> windows() override { return windows_; }  ///< as know() found them
  int size(Duration window) override;
  Slot earliest(Duration window, int rank) override;
  int taken(Duration window, LedgerTime now) override;
  void set(Duration window, const Slot& slot) override;
  LedgerTime next_at(Duration window) override;
  void set_next_at(Duration window, LedgerTime next_at) override;  ///< of a window that is known
  Pace pace() override;
  void set_pace(const Pace& pace) override;

 private:
  void read_windows();
  void make_known(Transaction& transaction, Duration window, LedgerTime now, WallTime wall, Duration unanswered);
  void add(Duration window, std::int64_t calls, LedgerTime free_at);

  Database& database_;
  std::vector<Duration> windows_;
  Statement known_;
  Statement size_;
  Statement earliest_;
  Statement taken_;
  Statement set_;
  Statement next_at_;
  Statement set_next_at_;
  Statement pace_;
  Statement set_pace_;
};

}  // namespace convoke
