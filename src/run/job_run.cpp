#include "run/job_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/text.h"
#include "ledger/clock_bridge.h"

namespace convoke {

namespace {

// A canary waits for no more members than it is to settle.
std::size_t full_chunk(const SendSettings& settings) {
  const auto most = settings.max_members.value_or(settings.invite.chunk_size);
  return static_cast<std::size_t>(std::clamp<std::int64_t>(most, 1, settings.invite.chunk_size));
}

}  // namespace

JobRun::JobRun(Database& database, JobId job, MemberList& list, JobRunSettings settings, const Outside& outside)
    : database_(database),
      job_(job),
      list_(list),
      settings_(std::move(settings)),
      outside_(outside),
      ledger_(database, job, settings_.base_url, settings_.send.limits, unanswered(settings_.send.calls.timeout),
              settings_.assume_used, full_chunk(settings_.send),
              LedgerClock(outside.clock, bridge_clock(database, outside.clock).offset), outside.ledger),
      runner_(settings_.send, ledger_, outside_) {
  if (!ledger_.remark().empty()) outside_.warn(ledger_.remark());
}

boost::asio::awaitable<Finished> JobRun::run() {
  Finished finished;
  try {
    ledger_.recover(runner_.judgement());
    load(finished);
    if (!finished.was_reading_stopped) finished.end = co_await send();
    finish(finished);
  } catch (const std::exception& failure) {
    fail(as_error(failure));
    throw;
  }
  co_return finished;
}

void JobRun::load(Finished& finished) {
  const int chunk_size = settings_.send.invite.chunk_size;
  if (!is_read(database_, job_, settings_.fingerprint)) {
    ledger_.resolution().begin(static_cast<std::size_t>(chunk_size));
    finished.reading = take_in(database_, job_, list_, ledger_.resolution(), chunk_size, settings_.brakes,
                               settings_.fingerprint, ledger_.clock().wall());
    if (!finished.reading) {
      finished.was_reading_stopped = true;
      finished.end = outside_.why_stopped();
      finished.end.message += " while the list was read";
      return;
    }
  }
  database_.write([&](Transaction& transaction) {
    finished.retried = ledger_.chunks().make_due(transaction, settings_.retry);
    ledger_.chunks().make_due(transaction, {Outcome::unknown});
    if (settings_.send.run.retry_failed) ledger_.chunks().make_due(transaction, {Outcome::failed});
    ledger_.chunks().repack(transaction, {chunk_size, ledger_.resolution().look_up_size()});
  });
}

boost::asio::awaitable<RunEnd> JobRun::send() {
  on_stop_.emplace(outside_.stop, [this] { boost::asio::post(outside_.loop, [this] { stop_sending(); }); });
  if (outside_.stop.stop_requested()) runner_.stop(outside_.why_stopped());  // before anything is claimed
  const Books books = books_of(database_, job_);
  const bool ever_accepted = books.of(Outcome::invited) + books.of(Outcome::already_invited) > 0;
  RunEnd end = co_await runner_.run(books.of(Outcome::pending), ever_accepted);
  on_stop_.reset();
  if (end.reason != Reason::none && end.message.find(settings_.url) == std::string::npos)
    end.message += fmt::format(" (api.base_url is {}{})", settings_.url, settings_.way);
  co_return end;
}

void JobRun::stop_sending() {
  if (progress().in_flight > 0) outside_.warn("what was sent is waited for");
  runner_.stop(outside_.why_stopped());
}

void JobRun::finish(Finished& finished) {
  RunEnd& end = finished.end;
  const Books books = check_books(database_, job_);
  const std::int64_t due = books.of(Outcome::pending);
  const Exit stopped = exit_of(end.by, books, settings_.brakes.rules.ignore_invalid);
  const bool is_passing = stopped == Exit::try_later || stopped == Exit::api_unavailable;
  if (!finished.was_reading_stopped && is_passing && due == 0) end = RunEnd{};
  if (end.by == StoppedBy::nothing && due > 0) {
    throw Error(Exit::defect, std::to_string(due) + " members are due, and the run ended as if none were", {},
                "run it again, and report this");
  }
  finished.exit = exit_of(end.by, books, settings_.brakes.rules.ignore_invalid);
  database_.write([&](Transaction& transaction) {
    ledger_.log().end(transaction, static_cast<int>(finished.exit), std::string(name_of(end.by)), end.message,
                      ledger_.clock().wall());
  });
}

void JobRun::fail(const Error& error) noexcept {
  try {
    database_.write([&](Transaction& transaction) {
      ledger_.log().end(transaction, static_cast<int>(error.exit()), std::string(name_of(StoppedBy::error)),
                        excerpt(error.what(), 500), ledger_.clock().wall());
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
    case StoppedBy::busy:
    case StoppedBy::not_run:
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
    case StoppedBy::error:
      return Exit::defect;
    case StoppedBy::nothing:
      break;
  }
  // A list of nothing but invalid rows has the wrong column, whatever may be ignored.
  const bool invalid = books.invalid > 0 && (!ignore_invalid || books.in_list() == 0);
  return books.not_invited() > 0 || books.unknown() > 0 || invalid ? Exit::incomplete : Exit::ok;
}

}  // namespace convoke
