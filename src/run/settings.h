// How a run paces itself and when it gives up; filled from `[limits]`, `[retry]` and `[run]` of the config.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/duration.h"
#include "base/limit.h"

namespace convoke {

struct LimitSettings {
  std::vector<Limit> calls = {{100, std::chrono::seconds(10)}, {50'000, std::chrono::hours(24)}};  ///< all hold at once
  int reserve = 0;  ///< calls of the longest limit left for others; fewer than its calls
};

struct RetrySettings {
  int attempts = 6;                                 ///< of one chunk, 1 to 100
  Duration first = std::chrono::milliseconds(500);  ///< the longest first wait; doubles, full jitter
  Duration longest = std::chrono::seconds(60);      ///< no wait is longer
  Duration patience = std::chrono::minutes(5);      ///< how long an API that answers nothing is waited for
};

/// `[run] max_failures`: a number of members, or a share of those due when the run starts.
struct MaxFailures {
  std::int64_t members = 0;  ///< used if share is 0
  double share = 0;          ///< 0 to 1
};

struct RunSettings {
  bool retry_failed = true;  ///< members that ended failed in an earlier run are due again
  std::optional<MaxFailures> max_failures;
};

}  // namespace convoke
