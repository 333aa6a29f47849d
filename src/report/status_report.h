// Where jobs stand: from the ledger alone, in words and as JSON. Also the story of one member.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ledger/books.h"
#include "ledger/calls_file.h"
#include "ledger/ledger_api.h"
#include "ledger/run_log.h"
#include "ledger/story.h"
#include "ledger/troubles.h"
#include "run/forecast.h"

namespace convoke {

struct JobStatus {
  std::string name;
  std::string origin;  ///< its file, or its list; empty: not known
  Books books;
  std::vector<Trouble> troubles;
  std::int64_t calls_due = 0;       ///< chunks that are pending
  std::int64_t without_answer = 0;  ///< members asked for in calls whose process is gone
  Forecast forecast;                ///< of these calls
  std::optional<LatestRun> last_run;
  bool is_running = false;  ///< a process holds the job's lock
};

struct LedgerStatus {
  std::vector<JobStatus> jobs;
  std::vector<LimitUse> limits;
  std::optional<WallTime> next_call;  ///< when a call may go again; empty: now
  WallTime at{};                      ///< when that was so
  std::string ledger;                 ///< its path
  std::string config;                 ///< the config's path; empty: there is none
  LedgerApi api;                      ///< it belongs to
};

/// The pace of the ledger's calls so far, for forecasts: the mean latency of the latest hundred, or 300 ms.
Duration usual_latency(Database& database);

/// One job's or every job's status.
LedgerStatus status_of(Database& database, std::optional<JobId> only, const LimitSettings& limits, int connections,
                       Duration call_timeout, const Clock& clock);

std::string status_text(const LedgerStatus& status);
std::string status_json(const LedgerStatus& status);

std::string story_text(const std::string& job, const MemberId& member, const std::vector<Story>& stories);
std::string story_json(const std::string& job, const MemberId& member, const std::vector<Story>& stories);

/// What is used `at` that time, and "a call may go now", or when.
std::string limits_text(const std::vector<LimitUse>& limits, std::optional<WallTime> next_call, WallTime at);
std::string limits_json(const std::vector<LimitUse>& limits, std::optional<WallTime> next_call, WallTime at);
std::string forecast_text(const Forecast& forecast);
std::string forecast_json(const Forecast& forecast);

/// What the limits leave now: used by `plan` too.
struct LimitsNow {
  std::vector<LimitUse> use;
  std::optional<WallTime> next_call;
  WallTime at{};
  MemorySlots slots;
  LedgerTime now{};
};
/// As the next run will find them, also where the ledger was restored or copied: `file` says so (look_at_calls()).
LimitsNow limits_now(Database& database, const std::optional<CallsBegun>& file, const LimitSettings& limits,
                     Duration call_timeout, const Clock& clock);

}  // namespace convoke
