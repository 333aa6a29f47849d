#include "ledger/run_log.h"

#include <unistd.h>

#include <numeric>

#include "ledger/stored_time.h"

namespace convoke {
namespace {

// In the order of the columns of `run`.
constexpr std::array counted_outcomes = {Outcome::invited, Outcome::already_invited, Outcome::rejected, Outcome::failed,
                                         Outcome::in_doubt};

}  // namespace

std::int64_t RunCounts::handled() const {
  return std::accumulate(settled.begin(), settled.end(), std::int64_t{0});
}

RunLog::RunLog(Database& database, JobId job, WallTime now)
    : database_(database),
      job_(job),
      begin_call_(database.handle(),
                  "INSERT INTO call (run_id, chunk_id, course_no, size, sent_at) VALUES (?, ?, ?, ?, ?)"),
      end_call_(
          database.handle(),
          "UPDATE call SET open = 0, latency_ms = ?2, http_status = ?3, error = ?4, reason = ?5 WHERE call_id = ?1"),
      cancel_call_(database.handle(), "DELETE FROM call WHERE call_id = ?"),
      write_counts_(
          database.handle(),
          "UPDATE run SET invited = ?, already_invited = ?, rejected = ?, failed = ?, in_doubt = ?, calls = ?, "
          "retries = ? WHERE run_id = ?") {
  database.write([&] {
    SQLite::Statement close(
        database_.handle(),
        "UPDATE run SET ended_at = ?2, stopped_by = 'killed' WHERE job_id = ?1 AND ended_at IS NULL");
    close.bind(1, job_);
    close.bind(2, millis(now));
    close.exec();
    SQLite::Statement insert(database_.handle(), "INSERT INTO run (job_id, pid, started_at) VALUES (?, ?, ?)");
    insert.bind(1, job_);
    insert.bind(2, static_cast<std::int64_t>(::getpid()));
    insert.bind(3, millis(now));
    insert.exec();
    run_ = database_.handle().getLastInsertRowid();
  });
}

std::vector<OpenCall> RunLog::open_calls() {
  std::vector<OpenCall> calls;
  SQLite::Statement query(database_.handle(),
                          "SELECT call_id, chunk_id FROM call JOIN run USING (run_id) "
                          "WHERE open = 1 AND job_id = ? AND run_id <> ?");
  query.bind(1, job_);
  query.bind(2, run_);
  while (query.executeStep()) calls.push_back({query.getColumn(0).getInt64(), query.getColumn(1).getInt64()});
  return calls;
}

void RunLog::close_interrupted(CallId call) {
  SQLite::Statement update(database_.handle(),
                           "UPDATE call SET open = 0, error = 'convoke ended before the answer', reason = ?2 "
                           "WHERE call_id = ?1");
  update.bind(1, call);
  update.bindNoCopy(2, name_of(Reason::interrupted).data());
  update.exec();
}

CallId RunLog::begin_call(const Chunk& chunk, WallTime now) {
  ++counts_.calls;
  if (chunk.tries > 0) ++counts_.retries;
  begin_call_.bind(1, run_);
  begin_call_.bind(2, chunk.id);
  begin_call_.bind(3, chunk.course_no);
  begin_call_.bind(4, static_cast<std::int64_t>(chunk.ids.size()));
  begin_call_.bind(5, millis(now));
  begin_call_.exec();
  begin_call_.reset();
  return database_.handle().getLastInsertRowid();
}

void RunLog::end_call(CallId call, const CallEnd& end) {
  end_call_.bind(1, call);
  end_call_.bind(2, static_cast<std::int64_t>(end.latency / std::chrono::milliseconds(1)));
  end.http_status == 0 ? end_call_.bind(3) : end_call_.bind(3, end.http_status);
  end.error.empty() ? end_call_.bind(4) : end_call_.bindNoCopy(4, end.error);
  end.reason == Reason::none ? end_call_.bind(5) : end_call_.bindNoCopy(5, name_of(end.reason).data());
  end_call_.exec();
  end_call_.reset();
}

void RunLog::cancel_call(CallId call, const Chunk& chunk) {
  --counts_.calls;
  if (chunk.tries > 0) --counts_.retries;
  cancel_call_.bind(1, call);
  cancel_call_.exec();
  cancel_call_.reset();
}

void RunLog::count(Outcome outcome, std::int64_t members) {
  if (outcome != Outcome::pending) counts_.of(outcome) += members;
}

void RunLog::uncount(Outcome outcome, std::int64_t members) {
  counts_.of(outcome) -= members;
}

void RunLog::write_counts() {
  int index = 1;
  for (const Outcome outcome : counted_outcomes) write_counts_.bind(index++, counts_.of(outcome));
  write_counts_.bind(index++, counts_.calls);
  write_counts_.bind(index++, counts_.retries);
  write_counts_.bind(index, run_);
  write_counts_.exec();
  write_counts_.reset();
}

void RunLog::end(int exit_code, const std::string& stopped_by, const std::string& message, WallTime now) {
  write_counts();
  SQLite::Statement update(
      database_.handle(),
      "UPDATE run SET ended_at = ?, exit_code = ?, stopped_by = ?, message = ?, "
      "(rows_read, invalid, duplicates) = (SELECT rows_read, invalid, duplicates FROM job WHERE job_id = ?) "
      "WHERE run_id = ?");
  update.bind(1, millis(now));
  update.bind(2, exit_code);
  stopped_by.empty() ? update.bind(3) : update.bind(3, stopped_by);
  message.empty() ? update.bind(4) : update.bind(4, message);
  update.bind(5, job_);
  update.bind(6, run_);
  update.exec();
}

CallsBegun calls_begun(Database& database) {
  CallsBegun begun;
  SQLite::Statement query(database.handle(),
                          "SELECT ledger_id, calls, (SELECT sent_at FROM call ORDER BY call_id DESC LIMIT 1) "
                          "FROM identity");
  if (!query.executeStep()) return begun;
  begun.ledger_id = query.getColumn(0).getString();
  begun.calls = query.getColumn(1).getInt64();
  begun.latest = WallTime(std::chrono::milliseconds(query.getColumn(2).getInt64()));
  return begun;
}

std::optional<LatestRun> latest_run(Database& database, JobId job) {
  SQLite::Statement query(database.handle(),
                          "SELECT run_id, pid, started_at, ended_at, exit_code, ifnull(stopped_by, ''), "
                          "ifnull(message, ''), calls, retries, invited, already_invited, rejected, failed, in_doubt "
                          "FROM run WHERE job_id = ? ORDER BY run_id DESC LIMIT 1");
  query.bind(1, job);
  if (!query.executeStep()) return std::nullopt;
  const auto time = [&](int column) { return WallTime(std::chrono::milliseconds(query.getColumn(column).getInt64())); };
  LatestRun run;
  run.run = query.getColumn(0).getInt64();
  run.pid = query.getColumn(1).getInt64();
  run.started_at = time(2);
  if (!query.getColumn(3).isNull()) run.ended_at = time(3);
  if (!query.getColumn(4).isNull()) run.exit_code = query.getColumn(4).getInt();
  run.stopped_by = query.getColumn(5).getString();
  run.message = query.getColumn(6).getString();
  run.counts.calls = query.getColumn(7).getInt64();
  run.counts.retries = query.getColumn(8).getInt64();
  int column = 9;
  for (const Outcome outcome : counted_outcomes) run.counts.of(outcome) = query.getColumn(column++).getInt64();
  return run;
}

std::int64_t asked_without_answer(Database& database, JobId job) {
  SQLite::Statement sum(database.handle(),
                        "SELECT ifnull(sum(call.size), 0) FROM call INDEXED BY call_open JOIN run USING (run_id) "
                        "WHERE open = 1 AND job_id = ?");
  sum.bind(1, job);
  sum.executeStep();
  return sum.getColumn(0).getInt64();
}

std::optional<WallTime> last_success(Database& database, JobId job) {
  SQLite::Statement latest(database.handle(), "SELECT max(ended_at) FROM run WHERE job_id = ? AND exit_code = 0");
  latest.bind(1, job);
  if (!latest.executeStep() || latest.getColumn(0).isNull()) return std::nullopt;
  return WallTime(std::chrono::milliseconds(latest.getColumn(0).getInt64()));
}

}  // namespace convoke
