#include "ledger/run_log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

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

std::int64_t Books::all_members() const {
  return std::accumulate(members.begin(), members.end(), std::int64_t{0});
}

std::int64_t Books::all_gone() const {
  return std::accumulate(gone.begin(), gone.end(), std::int64_t{0});
}

std::int64_t Books::not_invited() const {
  return in_list_of(Outcome::rejected) + in_list_of(Outcome::failed) + in_list_of(Outcome::in_doubt);
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

void start_rehearsal(Database& database, JobId job) {
  database.write([&] {
    const bool is_new = database.handle().execAndGet("SELECT count(*) FROM run").getInt() == 0;
    if (!is_new && !api_of(database).is_rehearsal) {
      throw Error(Exit::bad_config, "this is a ledger, and not a rehearsal's", database.path().string(),
                  "move it away: a rehearsal begins anew each time");
    }
    for (const char* sql : {"UPDATE api SET rehearsal = 1 WHERE ?1 = ?1",
                            "DELETE FROM call WHERE run_id IN (SELECT run_id FROM run WHERE job_id = ?1)",
                            "DELETE FROM run WHERE job_id = ?1", "DELETE FROM chunk WHERE job_id = ?1",
                            "DELETE FROM course WHERE job_id = ?1", "DELETE FROM invalid_row WHERE abs(job_id) = ?1",
                            R"(UPDATE job SET origin = '', fingerprint = '', rows_read = 0, invalid = 0, duplicates = 0,
                               mended = 0, half_read = 0 WHERE job_id = ?1)"}) {
      SQLite::Statement statement(database.handle(), sql);
      statement.bind(1, job);
      statement.exec();
    }
  });
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
                            "SELECT rows_read, invalid, duplicates, mended, half_read FROM job WHERE job_id = ?");
  reading.bind(1, job);
  if (reading.executeStep()) {
    books.rows_read = reading.getColumn(0).getInt64();
    books.invalid = reading.getColumn(1).getInt64();
    books.duplicates = reading.getColumn(2).getInt64();
    books.mended = reading.getColumn(3).getInt64();
    books.half_read = reading.getColumn(4).getInt() != 0;
  }
  SQLite::Statement sums(
      database.handle(),
      "SELECT outcome, gone, sum(size) FROM chunk INDEXED BY chunk_books WHERE job_id = ? GROUP BY outcome, gone");
  sums.bind(1, job);
  while (sums.executeStep()) {
    const auto outcome = outcome_named(sums.getColumn(0).getString());
    if (!outcome) throw damaged_ledger(database, "an outcome in it is none");
    const auto index = static_cast<std::size_t>(*outcome);
    books.members[index] += sums.getColumn(2).getInt64();
    if (sums.getColumn(1).getInt() != 0) books.gone[index] += sums.getColumn(2).getInt64();
  }
  return books;
}

Books check_books(Database& database, JobId job) {
  const Books books = books_of(database, job);
  if (!books.half_read && !books.balance()) {
    throw Error(
        Exit::defect,
        fmt::format(
            "the books do not balance: {} rows read, but {} members in the list + {} duplicates + {} invalid rows",
            books.rows_read, books.in_list(), books.duplicates, books.invalid),
        database.path().string(), "keep the ledger as it is and report this");
  }
  return books;
}

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_in_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

std::string without_ids(std::string_view message) {
  std::string text;
  for (std::size_t at = 0; at < message.size();) {
    if (MemberId::parse(message.substr(at, MemberId::text_size))) {
      text += '#';
      at += MemberId::text_size;
    } else {
      // A word with a digit in it is a number, an id, a trace: it tells nothing of the kind of trouble.
      const auto end = std::find_if_not(message.begin() + static_cast<std::ptrdiff_t>(at), message.end(), is_in_word);
      const std::string_view word = message.substr(at, static_cast<std::size_t>(end - message.begin()) - at);
      at += std::max<std::size_t>(word.size(), 1);
      if (word.empty()) {
        text += message[at - 1];
      } else if (std::any_of(word.begin(), word.end(), is_digit)) {
        if (!text.ends_with('#')) text += '#';
      } else {
        text += word;
      }
    }
  }
  return text;
}

std::vector<Trouble> troubles_of(Database& database, JobId job, std::size_t most) {
  std::map<std::tuple<std::string, Reason, std::string>, Trouble> found;
  const auto add = [&](const std::string& outcome, SQLite::Statement& rows) {
    rows.bind(1, job);
    while (rows.executeStep()) {
      const auto reason = reason_named(rows.getColumn(0).getString()).value_or(Reason::none);
      const std::string example = rows.getColumn(1).getString();
      // What stands in an invalid row tells rows apart, not kinds of trouble.
      const std::string words = outcome == "invalid" ? std::string() : without_ids(example);
      const auto count = rows.getColumn(2).getInt64();
      Trouble& trouble = found[{outcome, reason, words}];
      if (trouble.count == 0) trouble = {outcome, reason, words, 0, example, rows.getColumn(3).getInt64()};
      trouble.count += count;
    }
  };
  const std::array outcomes = {Outcome::rejected, Outcome::failed, Outcome::in_doubt, Outcome::withdrawn};
  for (const Outcome outcome : outcomes) {
    SQLite::Statement rows(database.handle(),
                           "SELECT reason, ifnull(error, ''), sum(size), json_extract(min(lines), '$[0]') FROM chunk "
                           "WHERE job_id = ?1 AND outcome = ?2 AND gone = (outcome = 'withdrawn') GROUP BY 1, 2");
    rows.bind(2, std::string(name_of(outcome)));
    add(std::string(name_of(outcome)), rows);
  }
  SQLite::Statement rows(database.handle(),
                         "SELECT reason, value, count(*), min(line) FROM invalid_row WHERE job_id = ?1 GROUP BY 1");
  add("invalid", rows);

  std::vector<Trouble> troubles;
  troubles.reserve(found.size());
  for (auto& [key, trouble] : found) troubles.push_back(std::move(trouble));
  const auto place = [&](const Trouble& trouble) {
    return std::find_if(outcomes.begin(), outcomes.end(),
                        [&](Outcome outcome) { return name_of(outcome) == trouble.outcome; });
  };
  std::stable_sort(troubles.begin(), troubles.end(), [&](const Trouble& one, const Trouble& other) {
    return place(one) != place(other) ? place(one) < place(other) : one.count > other.count;
  });
  std::map<std::string, std::size_t> kept;
  std::erase_if(troubles, [&](const Trouble& trouble) { return ++kept[trouble.outcome] > most; });
  return troubles;
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
