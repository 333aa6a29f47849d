#include "run/verify_run.h"

#include <utility>

#include "run/job_run.h"
#include "run/run_words.h"

namespace convoke {
namespace {

bool is_read_on(const RunEnd& end) {
  return end.by == StoppedBy::nothing || end.by == StoppedBy::course_refused;
}

}  // namespace

VerifyRun::VerifyRun(Database& database, JobId job, VerifySettings settings, const Outside& outside)
    : database_(database),
      job_(job),
      settings_(std::move(settings)),
      outside_(outside),
      sending_(database, job, settings_, outside_, Command::verify) {}

boost::asio::awaitable<Verified> VerifyRun::run() {
  Verified verified;
  try {
    sending_.recover_pages();
    verified.end = co_await read();
    write(verified);
  } catch (const std::exception& failure) {
    sending_.fail(as_error(failure));
    throw;
  }
  co_return verified;
}

boost::asio::awaitable<RunEnd> VerifyRun::read() {
  Pages& pages = sending_.ledger().pages();
  database_.write([&](Transaction& transaction) { pages.ask_participants(transaction, id(), now()); });
  RunEnd end;
  for (const CourseListing& listing : pages.listings()) {
    if (listing.paging.read == 0) continue;
    outside_.warn(words_of_going_on(listing));
    break;
  }
  while (true) {
    if (!listings(false).empty()) end = co_await sending_.run();
    if (!is_read_on(end)) co_return end;
    held_.emplace(database_, job_, sending_.ledger().chunks(), listings(true), settings_.folder, now());
    const auto unsure = held_->unsure();
    if (unsure.empty()) break;
    held_.reset();
    database_.write([&](Transaction& transaction) {
      pages.end(transaction);
      pages.ask_again(transaction, unsure, now());
    });
  }
  if (end.by == StoppedBy::nothing) {
    if (const auto unread = listings(false); !unread.empty())
      end = {StoppedBy::api_unavailable, words_of_unread(unread.front(), pages.trouble(unread.front()))};
  }
  co_return end;
}

WallTime VerifyRun::now() {
  return sending_.ledger().clock().wall();
}

std::vector<CourseListing> VerifyRun::listings(bool are_read) {
  auto listings = sending_.ledger().pages().listings();
  std::erase_if(listings, [&](const CourseListing& listing) { return listing.paging.is_read != are_read; });
  return listings;
}

void VerifyRun::write(Verified& verified) {
  Pages& pages = sending_.ledger().pages();
  verified.unread = listings(false);
  database_.write([&](Transaction& transaction) {
    pages.end(transaction);
    // All at once, or nothing yet: the next one goes on with what was read.
    if (is_read_on(verified.end)) {
      verified.courses = held_->write(transaction, settings_.tell);
      if (settings_.is_told) settings_.is_told();
      pages.forget_read(transaction);
    }
    for (const CourseSeen& course : verified.courses) sending_.ledger().log().count(Outcome::invited, course.settled);
    verified.books = check_books(database_, job_);
    verified.exit = exit_of_verified(verified);
    RunEnd said = verified.end;
    if (said.message.empty()) said.message = words_of_verified(verified.courses);
    sending_.end(transaction, verified.exit, said);
  });
}

// Whom the ledger calls invited, and the API has not, are not invited.
Exit VerifyRun::exit_of_verified(const Verified& verified) const {
  const Exit exit = exit_of(verified.end.by, verified.books, settings_.ignore_invalid);
  if (exit != Exit::ok) return exit;
  if (!is_list_known(verified.books)) return Exit::incomplete;
  const bool is_anybody_absent = sum_of(verified.courses).absent > 0;
  return is_anybody_absent || verified.books.of(Outcome::pending) > 0 ? Exit::incomplete : Exit::ok;
}

}  // namespace convoke
