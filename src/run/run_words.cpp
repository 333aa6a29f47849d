#include "run/run_words.h"

#include <fmt/format.h>

#include <array>

#include "base/numbers.h"
#include "base/text.h"

namespace convoke {

std::string_view name_of(StoppedBy by) {
  // In the order of StoppedBy.
  constexpr std::array<std::string_view, 17> names = {"",
                                                      "signal",
                                                      "max_duration",
                                                      "max_members",
                                                      "quota",
                                                      "rate_limited",
                                                      "api_unavailable",
                                                      "retry_budget",
                                                      "key_refused",
                                                      "account_refused",
                                                      "misconfigured",
                                                      "course_refused",
                                                      "max_failures",
                                                      "refused_alike",
                                                      "busy",
                                                      "error",
                                                      "not_run"};
  return names.at(static_cast<std::size_t>(by));
}

std::string words_of_stop(const Verdict& verdict) {
  // What the wire itself says is already in our own words.
  if (is_told_by_the_wire(verdict.reason)) return verdict.call_error;
  return fmt::format("{}: {}", words_of(verdict.reason).meaning, verdict.call_error);
}

std::string words_of_strange_answers(Reason reason, Step step, int in_a_row, const std::string& latest) {
  // What only reads has no effect.
  const std::string_view meaning = reason == Reason::odd_answer && is_of_pages(step)
                                       ? "an answer that cannot be understood"
                                       : words_of(reason).meaning;
  return fmt::format("{}, {} times in a row: {}", meaning, in_a_row, latest);
}

std::string words_of_retry_budget(const RunCounts& counts) {
  return fmt::format("{} of {} calls were retries: the API fails too often to go on", counts.retries, counts.calls);
}

std::string words_of_quota(const Limit& limit, bool is_use_unknown, const std::string& when) {
  if (!is_use_unknown) return fmt::format("the limit {} is used up; {}", format_limit(limit), when);
  return fmt::format(
      "the ledger was copied, or moved without its -calls file, so it is not known what was sent meanwhile, and the "
      "limit {} counts as used up; {}; if you know how many calls of the longest limit are used, say so: --assume-used "
      "N",
      format_limit(limit), when);
}

std::string words_of_next_call(WallTime next, Duration wait) {
  return fmt::format("a call may go again at {} (in {})", format_time(next), describe_duration(wait));
}

std::string words_of_failures(std::int64_t failures, std::int64_t allowed) {
  return fmt::format("{} rejected, failed or in doubt; run.max_failures allows {}", counted(failures, "member"),
                     grouped(allowed));
}

std::string words_of_canary(std::int64_t handled) {
  return fmt::format("{} came to an outcome, as --max-members asks", counted(handled, "member"));
}

std::string words_of_refused_targets(const std::vector<RefusedTarget>& refused) {
  const RefusedTarget& first = refused.front();
  const std::string_view kind = words_of(first.target.kind);
  const std::string id = excerpt(first.target.id);
  return refused.size() == 1
             ? fmt::format("the API refuses the {} {}: {}", kind, id, first.words)
             : fmt::format("the API refuses {} {}s, the first of them {}: {}", refused.size(), kind, id, first.words);
}

namespace {

// "the course 42", "the courses 42 and 43", "the course 42 and 6 more".
std::string some_courses(const std::vector<CourseState>& courses, CourseState::Is is) {
  std::vector<std::string> ids;
  for (const CourseState& course : courses) {
    if (course.is != is) continue;
    // Blanks around it would not be seen.
    const bool is_plain = excerpt(course.course) == course.course;
    ids.push_back(is_plain ? course.course : json_string(course.course));
  }
  if (ids.empty()) return {};
  const std::string more = ids.size() > 1 ? fmt::format(" and {} more", ids.size() - 1) : "";
  return fmt::format("the course {}{}", ids.front(), more);
}

}  // namespace

std::string words_of_unknown_courses(const std::vector<CourseState>& courses, const std::string& trouble) {
  const std::string unknown = some_courses(courses, CourseState::Is::unknown);
  if (unknown.empty()) return {};
  return fmt::format("it cannot be told beforehand whether {} is there: {}", unknown,
                     trouble.empty() ? "the API gives no whole list of its courses" : words_of_no_list(trouble));
}

std::string words_of_no_list(const std::string& trouble) {
  return fmt::format("the API gives no list of its courses: {}", trouble);
}

std::string words_of_bad_courses(const std::vector<CourseState>& courses, bool may_be_sent_all_the_same) {
  const std::string missing = some_courses(courses, CourseState::Is::missing);
  const std::string drafts = some_courses(courses, CourseState::Is::draft);
  std::string words;
  if (!missing.empty())
    words = fmt::format("the API's list of courses does not have {}: see that its id is right", missing);
  if (!drafts.empty()) {
    words +=
        fmt::format("{}{} is a Draft, which only administrators see: publish it", words.empty() ? "" : "; ", drafts);
  }
  if (!words.empty() && may_be_sent_all_the_same) words += ", or send all the same: [invite] check = false";
  return words;
}

std::string words_of_going_on(const CourseListing& listing) {
  return fmt::format("goes on where an earlier verification was: {} of the course {} were read since {}",
                     counted(listing.paging.read, "participant"), excerpt(listing.course),
                     format_time(listing.began_at));
}

std::string words_of_unread(const CourseListing& listing, const std::string& trouble) {
  return fmt::format("the list of who takes part in the course {} could not be read on after {}: {}",
                     excerpt(listing.course), counted(listing.paging.read, "participant"),
                     trouble.empty() ? "no answer" : trouble);
}

std::string words_of_verified(const std::vector<CourseSeen>& courses) {
  const CourseSeen all = sum_of(courses);
  return fmt::format("{} as the ledger says, {} changed, {} settled, {} not there, {} not in the list",
                     grouped(all.as_known), grouped(all.changed), grouped(all.settled), grouped(all.absent),
                     grouped(all.extra));
}

std::string words_of_outage(const std::string& seen, Duration patience_left) {
  return fmt::format("the API does not answer: {}; one call at a time tries it, for {} more", seen,
                     describe_duration(patience_left));
}

std::string words_of_recovery(Duration after) {
  return fmt::format("the API answers again, after {}", describe_duration(after));
}

std::string words_of_alarm(CallId call, const std::string& alarm) {
  return fmt::format("call {}: {}", call, alarm);
}

std::string words_of_refused_target(const Target& target, const std::string& words) {
  return fmt::format("the API refuses the {} {}; its members stay due: {}", words_of(target.kind), excerpt(target.id),
                     words);
}

std::string words_of_size(std::size_t too_large, int from_here_on) {
  return fmt::format("a call of {} members is too large for the API; from here on at most {}", too_large, from_here_on);
}

std::string words_of_foreign_use(const std::vector<LimitUse>& use, Duration wait) {
  const std::string all_wait = fmt::format("all wait {}", describe_duration(wait));
  if (use.empty()) return "the API answered 429, and [limits] sets none to keep to; " + all_wait;
  std::string used;
  for (const LimitUse& one : use)
    used += fmt::format("{}{} of {}", used.empty() ? "" : " and ", one.taken, format_limit(one.limit));
  return fmt::format(
      "the API answered 429 though this ledger has used {}: someone else uses the key, or its limits are lower than "
      "[limits] says; {}",
      used, all_wait);
}

std::string words_of_long_wait(Duration asked, Duration taken) {
  return fmt::format("the API asked to wait {}; taken as {}", describe_duration(asked), describe_duration(taken));
}

}  // namespace convoke
