#include "ledger/run_log.h"

#include <unistd.h>

#include <numeric>

namespace convoke {

std::int64_t RunCounts::handled() const {
  return std::accumulate(settled.begin(), settled.end(), std::int64_t{0});
}

RunLog::RunLog(Database& database, JobId job, WallTime now, Command command)
    : database_(database),
      job_(job),
      begin_call_(database, R"sql(
        INSERT INTO call (run_id, chunk_id, target_no, size, sent_at, step) VALUES (?, ?, ?, ?, ?, ?)
      )sql"),
      end_call_(database, R"sql(
        UPDATE call SET open = 0, latency_ms = ?, http_status = ?, error = ?, reason = ? WHERE call_id = ?
      )sql"),
      cancel_call_(database, "DELETE FROM call WHERE call_id = ?"),
      write_counts_(database, R"sql(
        UPDATE run SET invited = ?, already_invited = ?, rejected = ?, failed = ?, in_doubt = ?, unknown = ?, calls = ?,
               retries = ?
        WHERE run_id = ?
      )sql") {
  database.write([&](Transaction& transaction) {
    Statement(transaction, "UPDATE run SET ended_at = ?, stopped_by = 'killed' WHERE job_id = ? AND ended_at IS NULL")
        .run(now, job_);
    run_ = Statement(transaction, "INSERT INTO run (job_id, pid, started_at, command) VALUES (?, ?, ?, ?)")
               .insert(job_, ::getpid(), now, name_of(command));
  });
}

std::vector<OpenCall> RunLog::open_calls() {
  std::vector<OpenCall> calls;
  Statement query(database_, R"sql(
    SELECT call_id, chunk_id, step FROM call JOIN run USING (run_id) WHERE open = 1 AND job_id = ? AND run_id <> ?
  )sql");
  for (const auto& [call, chunk, step] : query.rows<CallId, ChunkId, Step>(job_, run_))
    calls.push_back({call, chunk, step});
  return calls;
}

void RunLog::close_interrupted(Transaction& transaction, CallId call) {
  Statement(transaction, R"sql(
    UPDATE call SET open = 0, error = 'convoke ended before the answer', reason = ? WHERE call_id = ?
  )sql")
      .run(Reason::interrupted, call);
}

CallId RunLog::begin_call(Transaction&, const Chunk& chunk, WallTime now, Step step) {
  ++counts_.calls;
  if (chunk.tries > 0) ++counts_.retries;
  return begin_call_.insert(run_, chunk.id, chunk.target_no, chunk.ids.size(), now, step);
}

void RunLog::end_call(Transaction&, CallId call, const CallEnd& end) {
  end_call_.run(end.latency / std::chrono::milliseconds(1), OrNull(end.http_status), OrNull(end.error), end.reason,
                call);
}

void RunLog::cancel_call(Transaction&, CallId call, const Chunk& chunk) {
  --counts_.calls;
  if (chunk.tries > 0) --counts_.retries;
  cancel_call_.run(call);
}

void RunLog::count(Outcome outcome, std::int64_t members) {
  if (outcome != Outcome::pending) counts_.of(outcome) += members;
}

void RunLog::uncount(Outcome outcome, std::int64_t members) {
  counts_.of(outcome) -= members;
}

void RunLog::write_counts(Transaction&) {
  write_counts_.run(counts_.of(Outcome::invited), counts_.of(Outcome::already_invited), counts_.of(Outcome::rejected),
                    counts_.of(Outcome::failed), counts_.of(Outcome::in_doubt), counts_.of(Outcome::unknown),
                    counts_.calls, counts_.retries, run_);
}

void RunLog::end(Transaction& transaction, int exit_code, const std::string& stopped_by, const std::string& message,
                 WallTime now) {
  write_counts(transaction);
  Statement(transaction, R"sql(
    UPDATE run SET ended_at = ?, exit_code = ?, stopped_by = ?, message = ?,
           (rows_read, invalid, duplicates) = (SELECT rows_read, invalid, duplicates FROM job WHERE job_id = ?)
    WHERE run_id = ?
  )sql")
      .run(now, exit_code, OrNull(stopped_by), OrNull(message), job_, run_);
}

}  // namespace convoke
