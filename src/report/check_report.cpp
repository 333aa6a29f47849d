#include "report/check_report.h"

#include <fmt/format.h>

#include "report/json.h"

namespace convoke {
namespace {

std::string finding_text(const Finding& finding) {
  std::string text = fmt::format("{:<6} {:<14} {}\n", finding.exit == Exit::ok ? "ok" : "wrong", finding.what,
                                 excerpt(finding.words, 500));
  if (!finding.hint.empty()) text += fmt::format("       try: {}\n", excerpt(finding.hint, 500));
  return text;
}

}  // namespace

Exit first_wrong(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    if (finding.exit != Exit::ok) return finding.exit;
  }
  return Exit::ok;
}

std::string check_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) text += finding_text(finding);
  return text;
}

std::string check_brief(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    if (finding.exit != Exit::ok) text += finding_text(finding);
  }
  return text;
}

std::string check_json(const std::vector<Finding>& findings) {
  return JsonObject()
             .add("exit_code", static_cast<int>(first_wrong(findings)))
             .add_list("checks", findings,
                       [](const Finding& finding) {
                         return JsonObject()
                             .add("what", finding.what)
                             .add("exit_code", static_cast<int>(finding.exit))
                             .add("message", excerpt(finding.words, 500))
                             .text();
                       })
             .text() +
         "\n";
}

std::string success_words(WallTime success, Duration age) {
  return fmt::format("the last run that ended with 0 was {} ago ({})", describe_duration(age), format_time(success));
}

std::string no_success_words(const std::optional<RunRecord>& latest) {
  std::string text = "no run of this job has ended with 0 yet";
  if (!latest || !latest->exit_code) return text;
  return text + fmt::format("; the last one ended with {} at {}{}{}", *latest->exit_code,
                            latest->ended_at ? format_time(*latest->ended_at) : "", latest->message.empty() ? "" : ": ",
                            latest->message);
}

std::string remark_on_calls(const LimitsNow& limits) {
  if (limits.is_any_unknown())
    return ", copied or moved without its -calls file: what is used of the limits is not known (convoke status)";
  if (limits.forgotten > 0)
    return ", restored from a backup: it has forgotten calls, which the next run counts in the limits";
  return {};
}

}  // namespace convoke
