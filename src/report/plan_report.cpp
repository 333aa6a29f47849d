#include "report/plan_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/books_text.h"
#include "report/json.h"
#include "report/numbers.h"
#include "report/outlook_text.h"

namespace convoke {
namespace {

constexpr std::size_t longest_value = 60;  // of an invalid row

std::string_view on_doubt_words(OnDoubt on_doubt) {
  switch (on_doubt) {
    case OnDoubt::ask_again:
      return "ask-again: who may have been invited is asked for again";
    case OnDoubt::ask_quietly:
      return "ask-quietly: who may have been invited is asked for again, without e-mail";
    case OnDoubt::hold:
      return "hold: who may have been invited is left in_doubt";
  }
  return {};
}

std::string_view email_words(std::optional<bool> email_notification) {
  if (!email_notification) return "as the API has it (email_notification is not set)";
  return *email_notification ? "yes, to each invited member" : "no";
}

std::string terms_text(const Plan& plan) {
  std::string text;
  const auto fact = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("  {:<18} {}\n", name, value);
  };
  fact("API", excerpt(plan.api.base_url) + plan.api.way);
  fact(words_of(plan.target.kind), plan.target.id ? excerpt(*plan.target.id) : "named by each row");
  fact("e-mail", email_words(plan.invite.email_notification));
  fact("on_doubt", on_doubt_words(plan.invite.on_doubt));
  fact("key", plan.api.no_key.empty() ? "there is one" : excerpt(plan.api.no_key, 300));
  fact("ledger", excerpt(plan.ledger, 500) + (plan.is_ledger_new ? " (would be new)" : ""));
  return text;
}

std::string list_text(const Plan& plan) {
  const Reading list = plan.list();
  const bool is_read = plan.survey.reading.has_value();
  std::string text = table_line("rows read", list.rows, is_read ? "" : "unchanged since the last run, not read again");
  text += table_line("  invalid", list.invalid);
  for (const InvalidRow& row : plan.survey.invalid)
    text += fmt::format("      line {}: {}: '{}'\n", row.line, words_of(row.reason).meaning,
                        excerpt(row.value, longest_value));
  if (is_read && list.invalid > static_cast<std::int64_t>(plan.survey.invalid.size())) text += "      and more\n";
  text += table_line("  duplicates", list.duplicates);
  if (list.mended > 0) text += table_line("  mended", list.mended, mended_how);
  text += table_line("  members", list.members);
  if (is_read) text += table_line("new members", list.added);
  if (list.revived > 0) text += table_line("back again", list.revived, "they were withdrawn");
  if (list.withdrawn > 0) text += table_line("withdrawn", list.withdrawn, "due until now, and no longer in the list");
  return text;
}

// The look-ups come on top of the invitations, and out of the same day.
std::string addresses_text(const Plan& plan) {
  const std::int64_t known = plan.survey.reading ? plan.survey.reading->known : 0;
  std::string text;
  if (known > 0) text += table_line("addresses known", known, "from earlier look-ups");
  if (plan.survey.addresses == 0) return text;
  std::string how = fmt::format("addresses, in {}", counted(plan.survey.look_ups, "call"));
  const auto day =
      std::max_element(plan.limits.use.begin(), plan.limits.use.end(),
                       [](const auto& one, const auto& other) { return one.limit.window < other.limit.window; });
  if (day != plan.limits.use.end()) {
    const double share = static_cast<double>(plan.survey.look_ups) / day->limit.calls;
    how += fmt::format(", {:.1f} % of {}", 100 * share, format_limit(day->limit));
  }
  return text + table_line("to be looked up", plan.survey.addresses, how);
}

std::string_view word_of(CourseState::Is is) {
  switch (is) {
    case CourseState::Is::there:
      return "there";
    case CourseState::Is::draft:
      return "draft";
    case CourseState::Is::missing:
      return "missing";
    case CourseState::Is::unknown:
      break;
  }
  return "unknown";
}

std::string check_text(const PlannedCheck& check) {
  constexpr std::size_t most_shown = 5;
  std::string said;
  if (!check.message.empty()) {
    said = check.message;
  } else if (!check.is_of_courses) {
    said = "the API has no list of what is no course: nothing was looked at";
  } else if (!check.trouble.empty()) {
    said = "nothing is known of the key and the courses: the API gives no list of them: " + check.trouble;
  } else {
    std::size_t there = 0;
    for (const CourseState& course : check.courses) there += course.is == CourseState::Is::there ? 1 : 0;
    said = "the key is good";
    if (there > 0)
      said += fmt::format(", {} there", plural(static_cast<std::int64_t>(there), "course is", "courses are"));
  }
  std::string text = fmt::format("  {:<18} {}\n", "check", said);
  std::size_t shown = 0;
  for (const CourseState& course : check.courses) {
    if ((course.is == CourseState::Is::there && course.spelt.empty()) || ++shown > most_shown) continue;
    text += fmt::format("      course {}: {}{}{}\n", excerpt(course.course), word_of(course.is),
                        course.is == CourseState::Is::draft ? ", which only administrators see" : "",
                        course.spelt.empty() ? "" : ", spelt " + excerpt(course.spelt));
  }
  return text;
}

JsonObject check_json(const PlannedCheck& check) {
  return JsonObject()
      .add("exit_code", static_cast<int>(check.exit))
      .add("message", or_null(check.message))
      .add("trouble", or_null(check.trouble))
      .add_list("courses", check.courses, [](const CourseState& course) {
        JsonObject json;
        json.add("course_id", course.course).add("is", word_of(course.is));
        if (!course.spelt.empty()) json.add("spelt", course.spelt);
        return json.text();
      });
}

JsonObject plan_json(const Plan& plan) {
  const Reading list = plan.list();
  JsonObject json;
  json.add("job", plan.job).add("base_url", plan.api.base_url).add("course", plan.target.id);
  json.add("target", name_of(plan.target.kind));
  json.add("email_notification", plan.invite.email_notification).add("on_doubt", name_of(plan.invite.on_doubt));
  json.add("has_key", plan.api.no_key.empty()).add("ledger", plan.ledger);
  json.add("source_read", plan.survey.reading.has_value()).add("rows_read", list.rows).add("invalid", list.invalid);
  json.add("duplicates", list.duplicates).add("mended", list.mended).add("members", list.members);
  json.add("new", list.added).add("revived", list.revived).add("withdrawn", list.withdrawn);
  json.add("addresses_known", plan.survey.reading ? plan.survey.reading->known : 0);
  json.add("addresses_to_look_up", plan.survey.addresses).add("look_ups", plan.survey.look_ups);
  json.add("due", plan.survey.due).add("asked_without_answer", plan.without_answer).add("calls", plan.survey.calls);
  json.add_list("invalid_rows", plan.survey.invalid, [](const InvalidRow& row) {
    return JsonObject()
        .add("source_line", row.line)
        .add("value", excerpt(row.value, longest_value))
        .add("reason", name_of(row.reason))
        .text();
  });
  json.add("check", plan.check ? std::optional(check_json(*plan.check)) : std::nullopt);
  return json.add("forecast", forecast_json(plan.forecast)).add("quota", limits_json(plan.limits));
}

}  // namespace

Reading Plan::list() const {
  if (survey.reading) return *survey.reading;
  Reading list;
  list.rows = books.rows_read;
  list.invalid = books.invalid;
  list.duplicates = books.duplicates;
  list.mended = books.mended;
  list.members = books.in_list();
  return list;
}

std::string plan_text(const Plan& plan) {
  std::string text =
      fmt::format("{}: a plan, {}\n", excerpt(plan.job), plan.check ? "nobody is invited" : "nothing is sent");
  text += terms_text(plan) + (plan.check ? check_text(*plan.check) : "") + list_text(plan) +
          without_answer_text(plan.without_answer);
  text += addresses_text(plan);
  text += table_line("would be sent", plan.survey.due,
                     fmt::format("in {}; {}", counted(plan.survey.calls, "call"), forecast_text(plan.forecast)));
  return text + limits_text(plan.limits);
}

std::string plans_json(const std::vector<Plan>& plans) {
  return JsonObject().add_list("plans", plans, [](const Plan& plan) { return plan_json(plan).text(); }).text() + "\n";
}

}  // namespace convoke
