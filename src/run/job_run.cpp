#include "run/job_run.h"

namespace convoke {
namespace {

// A call may be counted by the server at the latest so long after it was claimed: it is not sent later than one timeout
// after that, is given up one timeout after it was sent, and whatever is on its way then is there within another.
Duration unanswered(const RunnerSettings& settings) {
  return 3 * settings.call_timeout;
}

}  // namespace

JobRun::JobRun(Database& database, JobId job, JobRunSettings settings, Transport& transport, const Clock& clock,
               Alarms& alarms, boost::asio::any_io_executor loop, boost::asio::any_io_executor ledger,
               std::uint64_t seed, std::function<void(const std::string&)> warn)
    : database_(database),
      job_(job),
      settings_(std::move(settings)),
      ledger_(database, job, settings_.limits, unanswered(settings_.runner),
              LedgerClock(clock, bridge_clock(database, clock).offset), std::move(ledger)),
      runner_(settings_.runner, ledger_, transport, clock, alarms, std::move(loop), seed, std::move(warn)) {
  ledger_.recover(runner_.judgement());
}

std::optional<Reading> JobRun::load() {
  std::optional<Reading> reading;
  const int chunk_size = settings_.runner.invite.chunk_size;
  if (!is_read(database_, job_, settings_.fingerprint)) {
    reading =
        take_in(database_, job_, settings_.read_source, chunk_size, settings_.fingerprint, ledger_.clock().wall());
  }
  const bool other_size = packed_for(database_, job_) != chunk_size;
  if (settings_.retry.empty() && !other_size) return reading;
  database_.write([&] {
    ledger_.chunks().make_due(settings_.retry);
    ledger_.chunks().repack(chunk_size);
    set_packed_for(database_, job_, chunk_size);
  });
  return reading;
}

boost::asio::awaitable<RunEnd> JobRun::send() {
  const Books books = books_of(database_, job_);
  const bool ever_invited = books.of(Outcome::invited) + books.of(Outcome::already_invited) > 0;
  return runner_.run(books.of(Outcome::pending), ever_invited);
}

Exit JobRun::finish(const RunEnd& end) {
  const Books books = check_books(database_, job_);
  if (const auto due = books.of(Outcome::pending); end.by == StoppedBy::nothing && due > 0) {
    throw Error(Exit::defect, std::to_string(due) + " members are due, and the run ended as if none were", {},
                "run it again, and report this");
  }
  const Exit exit = exit_of(end.by, counts(), books);
  database_.write(
      [&] { ledger_.log().end(static_cast<int>(exit), std::string(name_of(end.by)), ledger_.clock().wall()); });
  return exit;
}

void JobRun::fail(const Error& error) noexcept {
  try {
    database_.write([&] { ledger_.log().end(static_cast<int>(error.exit()), "error", ledger_.clock().wall()); });
  } catch (const std::exception&) {
    // Then the ledger itself is what failed; `error` says so, and the next run closes this one.
    return;
  }
}

Exit exit_of(StoppedBy by, const RunCounts& counts, const Books& books) {
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
      return Exit::key_refused;
    case StoppedBy::max_failures:
    case StoppedBy::refused_alike:
      return Exit::incomplete;
    case StoppedBy::nothing:
      break;
  }
  const bool bad =
      counts.of(Outcome::rejected) + counts.of(Outcome::failed) + counts.of(Outcome::in_doubt) + books.invalid > 0;
  return bad ? Exit::incomplete : Exit::ok;
}

}  // namespace convoke
