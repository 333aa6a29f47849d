// How a run ended, or why it stopped before all was settled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/reason.h"
#include "base/target.h"

namespace convoke {

enum class StoppedBy {
  nothing,  ///< all that was due is settled
  signal,
  max_duration,
  max_members,
  quota,         ///< a limit that is free again too late to wait for
  rate_limited,  ///< a 429's Retry-After, likewise
  api_unavailable,
  retry_budget,  ///< only retries are left, and the run has spent its share of them
  key_refused,
  account_refused,
  misconfigured,   ///< what only a change of config mends (RunEnd::reason)
  course_refused,  ///< all else is settled, and members of targets that the API refuses are due
  max_failures,
  refused_alike,  ///< every call was refused with the same words: it is not the members
  busy,           ///< it did not begin: another process is running the job
  error,          ///< what the message says made it impossible
  not_run         ///< its turn did not come
};
/// The word in the ledger and in --json; empty for `nothing`.
std::string_view name_of(StoppedBy by);

/// A target that the API refused in this run.
struct RefusedTarget {
  Target target;
  std::string words;         ///< the API's, printable
  std::int64_t members = 0;  ///< that stay due
};

struct RunEnd {
  StoppedBy by = StoppedBy::nothing;
  std::string message{};                 ///< for people; empty for `nothing`
  std::optional<WallTime> next_call{};   ///< quota, rate_limited: when a call may go again
  Reason reason = Reason::none;          ///< of the answer that stopped it
  std::vector<RefusedTarget> refused{};  ///< whatever stopped it
};

}  // namespace convoke
