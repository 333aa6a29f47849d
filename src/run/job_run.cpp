#include "run/job_run.h"

#include "run/course_look.h"

namespace convoke {

JobRun::JobRun(Database& database, JobId job, MemberList& list, JobRunSettings settings, const Outside& outside)
    : database_(database),
      job_(job),
      list_(list),
      settings_(std::move(settings)),
      outside_(outside),
      sending_(database, job, settings_, outside_) {}

boost::asio::awaitable<Finished> JobRun::run() {
  Finished finished;
  try {
    sending_.recover();
    load(finished);
    if (!finished.was_reading_stopped) finished.end = co_await look_and_send();
    finish(finished);
  } catch (const std::exception& failure) {
    sending_.fail(as_error(failure));
    throw;
  }
  co_return finished;
}

void JobRun::load(Finished& finished) {
  const int chunk_size = settings_.send.invite.chunk_size;
  if (!is_read(database_, job_, settings_.fingerprint)) {
    sending_.ledger().resolution().begin(static_cast<std::size_t>(chunk_size));
    finished.reading = take_in(database_, job_, list_, sending_.ledger().resolution(), chunk_size, settings_.brakes,
                               settings_.fingerprint, sending_.ledger().clock().wall());
    if (!finished.reading) {
      finished.was_reading_stopped = true;
      finished.end = outside_.why_stopped();
      finished.end.message += " while the list was read";
      return;
    }
  }
  Chunks& chunks = sending_.ledger().chunks();
  database_.write([&](Transaction& transaction) {
    finished.retried = chunks.make_due(transaction, settings_.retry);
    chunks.make_due(transaction, {Outcome::unknown});
    if (settings_.send.run.retry_failed) chunks.make_due(transaction, {Outcome::failed});
    chunks.repack(transaction, {chunk_size, sending_.ledger().resolution().look_up_size()});
  });
}

boost::asio::awaitable<RunEnd> JobRun::look_and_send() {
  const InviteSettings& invite = settings_.send.invite;
  if (invite.check && invite.sends_mail()) {
    RunEnd end = co_await look_before_mailing(database_, sending_, outside_);
    if (end.by != StoppedBy::nothing) co_return end;
  }
  co_return co_await sending_.run();
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
  database_.write([&](Transaction& transaction) { sending_.end(transaction, finished.exit, end); });
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
