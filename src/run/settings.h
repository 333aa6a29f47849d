// How a run paces itself, sends, and gives up; filled from `[limits]` and `[run]` of the config, and from options.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "api/participants.h"
#include "api/settings.h"
#include "base/duration.h"
#include "base/limit.h"

namespace convoke {

struct LimitSettings {
  std::vector<Limit> calls = {{100, std::chrono::seconds(10)}, {50'000, std::chrono::hours(24)}};  ///< all hold at once
  int reserve = 0;  ///< calls of the longest limit left for others; fewer than its calls
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

/// All that sending goes by.
struct SendSettings {
  InviteSettings invite;
  CallSettings calls;
  RetrySettings retry;
  LimitSettings limits;
  RunSettings run;
  KeepProfile keep_profile = KeepProfile::no;
  std::optional<std::int64_t> max_members;  ///< settle so many, then stop
  std::optional<Duration> max_duration;     ///< from when the run began
};

}  // namespace convoke
