// What the ledger says of runs and calls to who only reads it.
#pragma once

#include <optional>
#include <string>

#include "ledger/run_log.h"

namespace convoke {

/// A run, as the ledger has it.
struct RunRecord {
  RunId run = 0;
  std::string command = "run";  ///< name_of(Command)
  std::int64_t pid = 0;
  WallTime started_at{};
  std::optional<WallTime> ended_at;
  std::optional<int> exit_code;
  std::string stopped_by;
  std::string message;
  RunCounts counts;
};
/// The latest run of the job that was for that; empty: there was none.
std::optional<RunRecord> latest_run(Database& database, JobId job, Command command = Command::run);
/// The one that is under way, whatever it is for; empty: none is.
std::optional<RunRecord> run_under_way(Database& database, JobId job);

/// How many members of the job were asked for in calls that nobody answered for: their process is gone.
std::int64_t asked_without_answer(Database& database, JobId job);

/// When the last run that ended with 0 ended; empty: none did.
std::optional<WallTime> last_success(Database& database, JobId job);

/// How many calls what is due would take if nothing were packed anew.
std::int64_t calls_due(Database& database, JobId job);

/// Of the latest hundred calls that were answered, whoever's; empty: none was.
std::optional<Duration> mean_latency(Database& database);

}  // namespace convoke
