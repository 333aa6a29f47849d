// One run of one job, from its lock to its report.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "job/config.h"
#include "job/job.h"
#include "report/run_report.h"

namespace convoke {

enum class ShowProgress { never, log, line };

struct RunOptions {
  std::optional<std::int64_t> max_members;
  std::optional<Duration> max_duration;
  ShowProgress progress = ShowProgress::never;
  std::vector<Outcome> retry;  ///< these are due again first
};

/// Reads what is new, sends what is due, returns when it is settled or something stopped it. What ends a run early is
/// in the report; what makes it impossible is thrown. Installs handlers for SIGINT and SIGTERM while it runs.
RunReport run_job(const Config& config, const Job& job, const RunOptions& options);

}  // namespace convoke
