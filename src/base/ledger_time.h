// The time by which everything is decided that outlives a process: when a chunk is due, when a slot is free. A clock of
// the ledger's own: it never runs backwards and is the same for all processes on the ledger, over boots too.
#pragma once

#include <chrono>

#include "base/duration.h"

namespace convoke {

struct LedgerClockTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<LedgerClockTag>;
  static constexpr bool is_steady = true;
};
using LedgerTime = LedgerClockTag::time_point;

}  // namespace convoke
