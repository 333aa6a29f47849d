#include "run/course_look.h"

#include <algorithm>
#include <utility>

#include "ledger/books.h"
#include "run/job_run.h"
#include "run/run_words.h"

namespace convoke {
namespace {

boost::asio::awaitable<Looked> look_at_courses(Database& database, Sending& sending, std::set<std::string> courses) {
  Pages& pages = sending.ledger().pages();
  database.write([&](Transaction& transaction) { pages.ask_courses(transaction, courses); });
  Looked looked;
  looked.end = co_await sending.run();
  database.write([&](Transaction& transaction) { pages.end(transaction); });
  looked.courses = pages.search().states();
  looked.trouble = pages.search().trouble();
  co_return looked;
}

RunEnd refusal(std::string words) {
  if (words.empty()) return {};
  return {StoppedBy::misconfigured, std::move(words), {}, Reason::course_refused};
}

}  // namespace

boost::asio::awaitable<RunEnd> look_before_mailing(Database& database, Sending& sending, const Outside& outside) {
  std::set<std::string> courses = sending.ledger().pages().new_courses();
  if (courses.empty()) co_return RunEnd{};
  Looked looked = co_await look_at_courses(database, sending, std::move(courses));
  if (looked.end.by != StoppedBy::nothing) co_return std::move(looked.end);
  const std::string unknown = words_of_unknown_courses(looked.courses, looked.trouble);
  if (!unknown.empty()) outside.warn(unknown);
  co_return refusal(words_of_bad_courses(looked.courses, true));
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
    sending_.recover_pages();
    Looked looked = co_await look_at_courses(database_, sending_, courses_);
    if (looked.end.by == StoppedBy::nothing) looked.end = end_of(looked);
    database_.write([&](Transaction& transaction) {
      sending_.end(transaction, exit_of(looked.end.by, Books{}, false), looked.end);
    });
    co_return looked;
  } catch (const std::exception& failure) {
    sending_.fail(as_error(failure));
    throw;
  }
}

// A Draft keeps nobody from inviting who does not mail, or has invited to it before.
RunEnd CourseCheck::end_of(const Looked& looked) {
  Pages& pages = sending_.ledger().pages();
  if (pages.search().paging().is_odd)
    return {StoppedBy::misconfigured, words_of_no_list(looked.trouble), {}, Reason::odd_answer};
  const InviteSettings& invite = settings_.send.invite;
  const bool refuses_drafts = invite.check && invite.sends_mail();
  const auto accepted = pages.accepted_courses();
  std::vector<CourseState> bad;
  std::copy_if(looked.courses.begin(), looked.courses.end(), std::back_inserter(bad), [&](const CourseState& course) {
    return course.is != CourseState::Is::draft || (refuses_drafts && !accepted.contains(course.course));
  });
  return refusal(words_of_bad_courses(bad, false));
}

}  // namespace convoke
