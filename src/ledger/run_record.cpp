#include "ledger/run_record.h"

#include <fmt/format.h>

namespace convoke {

namespace {

// `which`, with these arguments.
template <class... Arguments>
std::optional<RunRecord> latest(Database& database, const char* which, const Arguments&... arguments) {
  Statement query(database, fmt::format(R"sql(
    SELECT run_id, command, pid, started_at, ended_at, exit_code, stopped_by, message, calls, retries, invited,
           already_invited, rejected, failed, in_doubt, unknown
    FROM run WHERE {} ORDER BY run_id DESC LIMIT 1)sql",
                                        which));
  using Count = std::int64_t;
  const auto row =
      query.row<RunId, std::string, std::int64_t, WallTime, std::optional<WallTime>, std::optional<int>, std::string,
                std::string, Count, Count, Count, Count, Count, Count, Count, Count>(arguments...);
  if (!row) return std::nullopt;
  RunRecord run;
  RunCounts& counts = run.counts;
  std::tie(run.run, run.command, run.pid, run.started_at, run.ended_at, run.exit_code, run.stopped_by, run.message,
           counts.calls, counts.retries, counts.of(Outcome::invited), counts.of(Outcome::already_invited),
           counts.of(Outcome::rejected), counts.of(Outcome::failed), counts.of(Outcome::in_doubt),
           counts.of(Outcome::unknown)) = *row;
  return run;
}

}  // namespace

std::optional<RunRecord> latest_run(Database& database, JobId job, Command command) {
  return latest(database, "job_id = ? AND command = ?", job, name_of(command));
}

std::optional<RunRecord> run_under_way(Database& database, JobId job) {
  return latest(database, "job_id = ? AND ended_at IS NULL", job);
}

std::int64_t asked_without_answer(Database& database, JobId job) {
  return Statement(database, R"sql(
    SELECT ifnull(sum(call.size), 0) FROM call INDEXED BY call_open JOIN run USING (run_id)
    WHERE open = 1 AND job_id = ?
  )sql")
      .the<std::int64_t>(job);
}

std::optional<WallTime> last_success(Database& database, JobId job) {
  return Statement(database,
                   "SELECT max(ended_at) FROM run WHERE job_id = ? AND exit_code = 0 AND command IN ('run', 'verify')")
      .the<std::optional<WallTime>>(job);
}

std::optional<Duration> mean_latency(Database& database) {
  const auto latency = Statement(database, R"sql(
    SELECT avg(latency_ms) FROM (
      SELECT latency_ms FROM call WHERE http_status IS NOT NULL ORDER BY call_id DESC LIMIT 100))sql")
                           .the<std::optional<double>>();
  return latency ? std::optional(Duration(static_cast<Duration::rep>(*latency * 1000))) : std::nullopt;
}

std::int64_t calls_due(Database& database, JobId job) {
  return Statement(database, R"sql(
    SELECT count(*) FROM chunk INDEXED BY chunk_books WHERE job_id = ? AND outcome = 'pending' AND size > 0)sql")
      .the<std::int64_t>(job);
}

}  // namespace convoke
