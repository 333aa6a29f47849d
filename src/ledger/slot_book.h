// Where the rate limiter keeps its slots. Two homes: the ledger, where processes share them and a restart finds them;
// and memory, where `plan` and `status` play the days ahead.
#pragma once

#include <vector>

#include "base/duration.h"
#include "base/ledger_time.h"

namespace convoke {

struct Slot {
  int number = 0;
  LedgerTime free_at{};
};

/// What holds for all limits together.
struct Pace {
  LedgerTime paused_until{};  ///< nobody calls before
  int allowed = -1;           ///< calls the API said are left until allowed_until; -1: it said nothing
  LedgerTime allowed_until{};
  LedgerTime unknown_until{};  ///< what was counted before is not known: it may be all that any limit allows
};

class SlotBook {
 public:
  virtual ~SlotBook() = default;
  /// The windows in which each call takes a slot, whoever has a limit of them.
  virtual std::vector<Duration> windows() = 0;
  /// How many slots of this window were ever used.
  virtual int size(Duration window) = 0;
  /// The slot that is free `rank`-th (0: first) of those; `rank` < size.
  virtual Slot earliest(Duration window, int rank) = 0;
  /// How many are not free yet at `now`.
  virtual int taken(Duration window, LedgerTime now) = 0;
  /// Sets when a slot is free; `slot.number` may be `size`: one more.
  virtual void set(Duration window, const Slot& slot) = 0;
  /// The theoretical time of the next call of those paced by this window (GCRA).
  virtual LedgerTime next_at(Duration window) = 0;
  virtual void set_next_at(Duration window, LedgerTime next_at) = 0;
  virtual Pace pace() = 0;
  virtual void set_pace(const Pace& pace) = 0;
};

}  // namespace convoke
