#include "ledger/run_log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <numeric>

namespace convoke {
namespace {

std::int64_t millis(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace

std::int64_t RunCounts::handled() const {
  return std::accumulate(settled.begin(), settled.end(), std::int64_t{0});
}

std::int64_t Books::all_members() const {
  return std::accumulate(members.begin(), members.end(), std::int64_t{0});
}

RunLog::RunLog(Database& database, JobId job, WallTime now)
    : database_(database),
      job_(job),
      begin_call_(database.handle(),
                  "INSERT INTO call (run_id, chunk_id, course_no, size, sent_at) VALUES (?, ?, ?, ?, ?)"),
      end_call_(database.handle(),
                "UPDATE call SET open = 0, latency_ms = ?2, http_status = ?3, error = ?4 WHERE call_id = ?1"),
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
                           "UPDATE call SET open = 0, error = 'interrupted: the process ended before the answer' "
                           "WHERE call_id = ?");
  update.bind(1, call);
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
  for (const Outcome outcome :
       {Outcome::invited, Outcome::already_invited, Outcome::rejected, Outcome::failed, Outcome::in_doubt}) {
    write_counts_.bind(index++, counts_.of(outcome));
  }
  write_counts_.bind(index++, counts_.calls);
  write_counts_.bind(index++, counts_.retries);
  write_counts_.bind(index, run_);
  write_counts_.exec();
  write_counts_.reset();
}

void RunLog::end(int exit_code, const std::string& stopped_by, WallTime now) {
  write_counts();
  SQLite::Statement update(
      database_.handle(),
      "UPDATE run SET ended_at = ?, exit_code = ?, stopped_by = ?, "
      "(rows_read, invalid, duplicates) = (SELECT rows_read, invalid, duplicates FROM job WHERE job_id = ?) "
      "WHERE run_id = ?");
  update.bind(1, millis(now));
  update.bind(2, exit_code);
  stopped_by.empty() ? update.bind(3) : update.bind(3, stopped_by);
  update.bind(4, job_);
  update.bind(5, run_);
  update.exec();
}

void show_profiles(Database& database) {
  database.write([&] {
    SQLite::Statement columns(database.handle(), "SELECT group_concat(name, ', ') FROM pragma_table_info('outcomes')");
    columns.executeStep();
    const std::string names = columns.getColumn(0).getString();
    columns.reset();
    if (names.find("participant_profile") != std::string::npos) return;
    database.handle().exec("DROP VIEW outcomes");
    database.handle().exec(
        fmt::format("CREATE VIEW outcomes AS SELECT {}, participant_profile FROM outcomes_of_chunks", names));
  });
}

Books books_of(Database& database, JobId job) {
  Books books;
  SQLite::Statement reading(database.handle(),
                            "SELECT rows_read, invalid, duplicates, gone, half_read FROM job WHERE job_id = ?");
  reading.bind(1, job);
  if (reading.executeStep()) {
    books.rows_read = reading.getColumn(0).getInt64();
    books.invalid = reading.getColumn(1).getInt64();
    books.duplicates = reading.getColumn(2).getInt64();
    books.gone = reading.getColumn(3).getInt64();
    books.half_read = reading.getColumn(4).getInt() != 0;
  }
  SQLite::Statement sums(
      database.handle(),
      "SELECT outcome, sum(size) FROM chunk INDEXED BY chunk_books WHERE job_id = ? GROUP BY outcome");
  sums.bind(1, job);
  while (sums.executeStep()) {
    const auto outcome = outcome_named(sums.getColumn(0).getString());
    if (!outcome) throw Error(Exit::defect, "an outcome in the ledger is none", database.path().string());
    books.members[static_cast<std::size_t>(*outcome)] = sums.getColumn(1).getInt64();
  }
  return books;
}

Books check_books(Database& database, JobId job) {
  const Books books = books_of(database, job);
  if (!books.half_read && !books.balance()) {
    throw Error(
        Exit::defect,
        fmt::format(
            "the books do not balance: {} rows read, but {} members in the source + {} duplicates + {} invalid rows",
            books.rows_read, books.all_members() - books.gone, books.duplicates, books.invalid),
        database.path().string(), "keep the ledger as it is and report this");
  }
  return books;
}

}  // namespace convoke
