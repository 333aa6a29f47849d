#include "run/job_run.h"

#include "base/text.h"
#include "ledger/clock_bridge.h"

namespace convoke {

JobRun::JobRun(Database& database, JobId job, JobRunSettings settings, Transport& transport, const Clock& clock,
               Alarms& alarms, boost::asio::any_io_executor loop, boost::asio::any_io_executor ledger,
               std::uint64_t seed, const std::function<void(const std::string&)>& warn)
    : database_(database),
      job_(job),
      settings_(std::move(settings)),
      ledger_(database, job, settings_.base_url, settings_.limits, unanswered(settings_.runner.call_timeout),
              settings_.assume_used, LedgerClock(clock, bridge_clock(database, clock).offset), std::move(ledger)),
      runner_(settings_.runner, ledger_, transport, clock, alarms, std::move(loop), seed, warn) {
  if (!ledger_.remark().empty()) warn(ledger_.remark());
  ledger_.recover(runner_.judgement());
}

Loaded JobRun::load() {
  Loaded loaded;
  const int chunk_size = settings_.runner.invite.chunk_size;
  if (!is_read(database_, job_, settings_.fingerprint)) {
    loaded.reading = take_in(database_, job_, settings_.read_source, chunk_size, settings_.brakes,
                             settings_.fingerprint, ledger_.clock().wall());
  }
  database_.write([&](Transaction& transaction) {
    loaded.retried = ledger_.chunks().make_due(transaction, settings_.retry);
    if (settings_.retry_failed) ledger_.chunks().make_due(transaction, {Outcome::failed});
    ledger_.chunks().repack(transaction, chunk_size);
  });
  is_loaded_ = true;
  return loaded;
}

boost::asio::awaitable<RunEnd> JobRun::send() {
  const Books books = books_of(database_, job_);
  const bool ever_invited = books.of(Outcome::invited) + books.of(Outcome::already_invited) > 0;
  return runner_.run(books.of(Outcome::pending), ever_invited);
}

Exit JobRun::finish(RunEnd& end) {
  const Books books = check_books(database_, job_);
  const Exit stopped = exit_of(end.by, books, settings_.ignore_invalid);
  const bool is_passing = stopped == Exit::try_later || stopped == Exit::api_unavailable;
  if (is_loaded_ && is_passing && books.of(Outcome::pending) == 0) end = RunEnd{};
  if (const auto due = books.of(Outcome::pending); end.by == StoppedBy::nothing && due > 0) {
    throw Error(Exit::defect, std::to_string(due) + " members are due, and the run ended as if none were", {},
                "run it again, and report this");
  }
  const Exit exit = exit_of(end.by, books, settings_.ignore_invalid);
  database_.write([&](Transaction& transaction) {
    ledger_.log().end(transaction, static_cast<int>(exit), std::string(name_of(end.by)), end.message,
                      ledger_.clock().wall());
  });
  return exit;
}

void JobRun::fail(const Error& error) noexcept {
  try {
    database_.write([&](Transaction& transaction) {
      ledger_.log().end(transaction, static_cast<int>(error.exit()), "error", excerpt(error.what(), 500),
                        ledger_.clock().wall());
    });
  } catch (const std::exception&) {
    // Then the ledger itself is what failed; `error` says so, and the next run closes this one.
    return;
  }
}

Exit exit_of(StoppedBy by, const Books& books, bool ignore_invalid) {
  switch (by) {
    case StoppedBy::signal:
    case StoppedBy::max_duration:
    case StoppedBy::max_members:
    case StoppedBy::quota:
    case StoppedBy::rate_limited:
      return Exit::try_later;
    case StoppedBy::api_unavailable:
    case StoppedBy::retry_budget:
      return Exit::api_unavailable;
    case StoppedBy::key_refused:
    case StoppedBy::account_refused:
      return Exit::key_refused;
    case StoppedBy::misconfigured:
    case StoppedBy::course_refused:
      return Exit::bad_config;
    case StoppedBy::max_failures:
    case StoppedBy::refused_alike:
      return Exit::incomplete;
    case StoppedBy::nothing:
      break;
  }
  // A list of nothing but invalid rows has the wrong column, whatever may be ignored.
  const bool invalid = books.invalid > 0 && (!ignore_invalid || books.in_list() == 0);
  return books.not_invited() > 0 || invalid ? Exit::incomplete : Exit::ok;
}

}  // namespace convoke
