#include "report/next_step.h"

#include <fmt/format.h>

#include "base/numbers.h"
#include "base/text.h"
#include "report/books_text.h"

namespace convoke {
namespace {

// A run that went through its list, and left some of it.
std::string after_a_whole_run(const RunReport& report, const std::string& run, const std::string& retry,
                              const RunSettings& settings) {
  const auto in_list = [&](Outcome outcome) { return report.books.in_list_of(outcome) > 0; };
  if (in_list(Outcome::failed)) return settings.retry_failed ? run : retry + "failed";
  if (in_list(Outcome::in_doubt)) return retry + "in_doubt";
  if (in_list(Outcome::rejected)) return listing_command(report.job, report.place.ledger, name_of(Outcome::rejected));
  const Outcome unknown = Outcome::unknown;
  return listing_command(report.job, report.place.ledger, in_list(unknown) ? name_of(unknown) : "invalid");
}

std::string next_command(const RunReport& report, const CommandLine& given, const RunSettings& settings) {
  if (given.job.starts_with(" --csv -")) return {};  // whoever fed it must feed it again
  const std::string run = "convoke run" + given.job + given.options;
  const std::string retry = "convoke retry" + given.job + given.options + " --outcome ";
  const bool is_whole = report.is_whole();
  if (report.place.is_rehearsal) return is_whole ? run : std::string();
  switch (report.exit) {
    case Exit::incomplete:
      return is_whole ? after_a_whole_run(report, run, retry, settings) : run;
    case Exit::try_later:
      return report.run ? run : given.text();  // another process has the job
    case Exit::bad_config:
      if (report.run && report.books.of(Outcome::pending) == 0 && report.books.in_list_of(Outcome::in_doubt) > 0)
        return retry + "in_doubt";
      return report.run ? run : std::string();
    case Exit::api_unavailable:
    case Exit::key_refused:
    case Exit::disk:
      return report.run ? run : std::string();
    default:
      return {};  // the message says what to do
  }
}

std::string next_when(const RunReport& report) {
  if (report.place.is_rehearsal) return "in earnest";
  if (report.end.next_call) return fmt::format("from {} on", format_time(*report.end.next_call));
  switch (report.exit) {
    case Exit::key_refused:
      return report.end.reason == Reason::account_refused ? "once the account is in order" : "with the right key";
    case Exit::bad_config:
      if (report.end.reason != Reason::course_refused || report.end.refused.empty()) return "once that is mended";
      return fmt::format("once the {} is right", words_of(report.end.refused.front().target.kind));
    case Exit::api_unavailable:
      return "later";
    case Exit::incomplete:
      return report.is_whole() ? "" : "once that is mended";
    default:
      return {};
  }
}

}  // namespace

NextStep next_step(const RunReport& report, const CommandLine& given, const RunSettings& settings) {
  return {next_command(report, given, settings), next_when(report)};
}

std::string closing_line(const std::vector<RunReport>& reports) {
  std::vector<std::string> bad;
  for (const RunReport& report : reports) {
    if (report.end.by == StoppedBy::not_run) {
      bad.push_back(fmt::format("{} (not run)", excerpt(report.job)));
    } else if (report.exit != Exit::ok) {
      bad.push_back(fmt::format("{} (exit {})", excerpt(report.job), static_cast<int>(report.exit)));
    }
  }
  if (reports.size() < 2 || bad.empty()) return {};
  return fmt::format("of {}, {} ended well: {}\n", counted(static_cast<std::int64_t>(reports.size()), "job"),
                     bad.size() == reports.size() ? "none" : std::to_string(reports.size() - bad.size()),
                     fmt::join(bad, ", "));
}

std::string not_run_line(const std::vector<RunReport>& reports) {
  std::vector<std::string> names;
  for (const RunReport& report : reports) {
    if (report.end.by == StoppedBy::not_run) names.push_back(excerpt(report.job));
  }
  return names.empty() ? std::string() : fmt::format("not run: {}\n", fmt::join(names, ", "));
}

}  // namespace convoke
