#include "run/course_look.h"

#include <utility>

#include "ledger/books.h"
#include "run/job_run.h"
#include "run/run_words.h"

namespace convoke {

boost::asio::awaitable<Looked> look_at_courses(Database& database, Sending& sending, const Outside& outside,
                                               std::set<std::string> courses) {
  Pages& pages = sending.ledger().pages();
  database.write([&](Transaction& transaction) { pages.ask_courses(transaction, std::move(courses)); });
  Looked looked;
  looked.end = co_await sending.run();
  database.write([&](Transaction& transaction) { pages.end(transaction); });
  looked.courses = pages.course_states();
  if (looked.end.by != StoppedBy::nothing) co_return looked;
  const std::string unknown = words_of_unknown_courses(looked.courses);
  if (!unknown.empty()) outside.warn(unknown);
  looked.end.message = words_of_bad_courses(looked.courses);
  if (looked.end.message.empty()) co_return looked;
  looked.end.by = StoppedBy::misconfigured;
  looked.end.reason = Reason::course_refused;
  co_return looked;
}

boost::asio::awaitable<RunEnd> look_at_new_courses(Database& database, Sending& sending, const Outside& outside) {
  const auto fresh = sending.ledger().pages().new_courses();
  if (fresh.empty()) co_return RunEnd{};
  Looked looked = co_await look_at_courses(database, sending, outside, {fresh.begin(), fresh.end()});
  co_return std::move(looked.end);
}

CourseCheck::CourseCheck(Database& database, JobId job, SendingSettings settings, std::set<std::string> courses,
                         const Outside& outside)
    : database_(database),
      settings_(std::move(settings)),
      courses_(std::move(courses)),
      outside_(outside),
      sending_(database, job, settings_, outside_, Command::check) {}

boost::asio::awaitable<Looked> CourseCheck::run() {
  try {
    sending_.recover();
    Looked looked = co_await look_at_courses(database_, sending_, outside_, courses_);
    database_.write([&](Transaction& transaction) {
      sending_.end(transaction, exit_of(looked.end.by, Books{}, false), looked.end);
    });
    co_return looked;
  } catch (const std::exception& failure) {
    sending_.fail(as_error(failure));
    throw;
  }
}

}  // namespace convoke
