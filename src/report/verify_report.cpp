#include "report/verify_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/books_text.h"
#include "report/json.h"
#include "report/numbers.h"

namespace convoke {
namespace {

constexpr std::size_t most_courses_shown = 10;

// How sure it is.
std::string sureness(const CourseSeen& seen) {
  if (seen.is_sure) return fmt::format("all that the API counts, read since {}", format_time(seen.since));
  const std::string counts = seen.total ? fmt::format("the API counts {}", grouped(*seen.total))
                                        : std::string("the API does not say how many there are");
  return fmt::format("not sure: {}; read {}", counts, plural(seen.passes, "time", "times"));
}

std::string headline(const VerifyReport& report) {
  if (report.end.by != StoppedBy::nothing) return "stopped: " + report.end.message;
  if (!is_list_known(report.books))
    return "nothing to hold against the API: the list was not read to its end by any run yet";
  const CourseSeen all = sum_of(report.courses);
  std::vector<std::string> wrong;
  if (all.absent > 0) {
    wrong.push_back(plural(all.absent, "member whom the ledger calls invited is not there",
                           "members whom the ledger calls invited are not there"));
  }
  if (const auto left = report.books.not_invited(); left > 0)
    wrong.push_back(plural(left, "member is not invited", "members are not invited"));
  if (const auto unknown = report.books.unknown(); unknown > 0)
    wrong.push_back(plural(unknown, "address is unknown to the API", "addresses are unknown to the API"));
  if (report.books.invalid > 0 && !report.ignores_invalid)
    wrong.push_back(plural(report.books.invalid, "row is invalid", "rows are invalid"));
  if (const auto due = report.books.of(Outcome::pending); due > 0)
    wrong.push_back(plural(due, "member is due", "members are due"));
  const std::string sure = all.is_sure ? "" : " (as far as could be read: not sure)";
  return wrong.empty() ? "true: all of the list, as it was last read, are there" + sure
                       : fmt::format("{}{}", fmt::join(wrong, ", "), sure);
}

// The commonest; there are four, as far as the API says.
std::string statuses_text(const CourseSeen& seen) {
  constexpr std::size_t most_shown = 6;
  std::vector<std::pair<std::int64_t, std::string>> statuses;
  for (const auto& [status, members] : seen.statuses) statuses.emplace_back(-members, status);
  std::sort(statuses.begin(), statuses.end());
  std::string text;
  std::int64_t others = 0;
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    const auto& [members, status] = statuses[i];
    if (i >= most_shown) {
      others -= members;
    } else {
      text += table_line("  " + (status.empty() ? "without a status" : excerpt(status, 40)), -members);
    }
  }
  return others > 0 ? text + table_line("  of other statuses", others) : text;
}

std::string odd_entries(const CourseSeen& seen) {
  std::string text;
  if (seen.unreadable > 0) text += table_line("unreadable", seen.unreadable, "entries that name no member");
  if (seen.foreign > 0)
    text += table_line("of another course", seen.foreign, "entries of a course that was not asked for");
  return text;
}

std::string table(const CourseSeen& all) {
  std::string text = table_line("participants", all.participants, sureness(all));
  text += odd_entries(all);
  text += statuses_text(all);
  text += table_line("as the ledger says", all.as_known);
  if (all.changed > 0)
    text += table_line("changed", all.changed, "another status by now, which the ledger has from here on");
  if (all.settled > 0)
    text += table_line("settled", all.settled, "there, which the ledger did not know: invited from here on");
  if (all.absent > 0) text += table_line("not there", all.absent, "invited, says the ledger, and goes on saying so");
  if (all.not_invited > 0) text += table_line("not invited", all.not_invited, "and not there");
  if (all.extra > 0) text += table_line("not in the list", all.extra, "there, and not of this list");
  return text;
}

std::string courses_text(const VerifyReport& report) {
  std::string text;
  std::size_t shown = 0;
  for (const CourseSeen& course : report.courses) {
    if (report.courses.size() < 2 || (course.absent == 0 && course.is_sure)) continue;
    if (++shown > most_courses_shown) break;
    text += fmt::format("  course {}: {} not there; {}\n", excerpt(course.course), grouped(course.absent),
                        sureness(course));
  }
  for (std::size_t i = 0; i < report.unread.size() && i < most_courses_shown; ++i) {
    const CourseListing& listing = report.unread[i];
    text += fmt::format("  course {}: {} read so far{}\n", excerpt(listing.course),
                        counted(listing.paging.read, "participant"),
                        listing.paging.total ? fmt::format(" of {}", grouped(*listing.paging.total)) : "");
  }
  return text;
}

std::string course_json(const CourseSeen& seen) {
  JsonObject json;
  json.add("course_id", seen.course).add("total", seen.total).add("participants", seen.participants);
  json.add("sure", seen.is_sure)
      .add("passes", seen.passes)
      .add("since", format_time(seen.since))
      .add("unreadable", seen.unreadable);
  json.add("foreign", seen.foreign).add("as_known", seen.as_known).add("changed", seen.changed);
  json.add("settled", seen.settled).add("absent", seen.absent).add("not_invited", seen.not_invited);
  json.add("extra", seen.extra);
  JsonObject statuses;
  for (const auto& [status, members] : seen.statuses) statuses.add(status, members);
  return json.add("statuses", statuses).text();
}

std::string report_json(const VerifyReport& report) {
  JsonObject json;
  json.add("job", report.job).add("run_id", report.run).add("exit_code", static_cast<int>(report.exit));
  json.add("stopped_by", or_null(name_of(report.end.by))).add("message", or_null(report.end.message));
  json.add("reason", or_null(name_of(report.end.reason))).add("next_call", or_null(report.end.next_call));
  json.add("next", or_null(report.next.command));
  const CourseSeen all = sum_of(report.courses);
  json.add("participants", all.participants)
      .add("sure", all.is_sure && report.unread.empty() && !report.courses.empty());
  json.add("as_known", all.as_known).add("changed", all.changed).add("settled", all.settled).add("absent", all.absent);
  json.add("not_invited", all.not_invited).add("extra", all.extra);
  JsonObject of_list;
  add_rows_and_members(of_list, report.books);
  add_outcomes(of_list, report.books);
  json.add("list", of_list);
  json.add_list("courses", report.courses, course_json);
  json.add_list("unread", report.unread, [](const CourseListing& listing) {
    return JsonObject()
        .add("course_id", listing.course)
        .add("read", listing.paging.read)
        .add("total", listing.paging.total)
        .text();
  });
  json.add_list("extra_members", report.extra, [](const std::string& id) { return json_string(id); });
  json.add("calls", report.counts.calls).add("retries", report.counts.retries);
  json.add("base_url", or_null(report.base_url)).add("ledger", or_null(report.ledger));
  return json.add("seconds", std::chrono::duration<double>(report.took).count()).text();
}

}  // namespace

std::string verify_report_text(const VerifyReport& report, bool brief) {
  if (brief && report.exit == Exit::ok) return {};
  std::string text = fmt::format("{}: {}\n", excerpt(report.job), headline(report));
  if (brief) return text + next_line(report.next);
  if (report.courses.size() == 1) text += fmt::format("  course {}\n", excerpt(report.courses.front().course));
  if (!report.courses.empty()) text += table(sum_of(report.courses));
  text += courses_text(report);
  text += table_line(
      "calls", report.counts.calls,
      report.counts.retries > 0 ? plural(report.counts.retries, "of them is a retry", "of them are retries") : "");
  text += fmt::format("  took {}\n  API {}\n  ledger {}\n", describe_duration(report.took), excerpt(report.base_url),
                      excerpt(report.ledger, 500));
  return text + next_line(report.next);
}

std::string verify_reports_json(const std::vector<VerifyReport>& reports, Exit exit) {
  std::string stopped_by;
  for (const VerifyReport& report : reports) {
    if (report.end.by != StoppedBy::nothing && (stopped_by.empty() || report.exit == exit))
      stopped_by = name_of(report.end.by);
  }
  return JsonObject()
             .add("exit_code", static_cast<int>(exit))
             .add("stopped_by", or_null(stopped_by))
             .add_list("verifications", reports, report_json)
             .text() +
         "\n";
}

std::string diff_line(const Seen& seen) {
  const char mark = "=!!-+"[static_cast<std::size_t>(seen.is)];
  std::string line = fmt::format("{}\t{}\t{}", mark, seen.member.text(), excerpt(seen.course));
  if (seen.is == Seen::Is::changed)
    line += fmt::format("\t{} -> {}", excerpt(seen.before), excerpt(seen.now.empty() ? "?" : seen.now));
  if (seen.is == Seen::Is::settled) line += fmt::format("\t{} -> invited", seen.before);
  return line + '\n';
}

bool is_diff(std::string_view beginning) {
  return beginning.empty() ||
         (beginning.size() > 2 && std::string_view("=!-+").find(beginning[0]) != std::string_view::npos &&
          beginning[1] == '\t');
}

std::string verify_progress_line(const Progress& progress) {
  const RunCounts& counts = progress.counts;
  const std::string of = counts.to_list > 0 ? fmt::format(" of {}", grouped(counts.to_list)) : "";
  std::string line =
      fmt::format("{}{} participants read, {}", grouped(counts.listed), of, counted(counts.calls, "call"));
  if (counts.retries > 0) line += fmt::format(" ({})", plural(counts.retries, "retry", "retries"));
  if (counts.listed > 0 && counts.listed < counts.to_list) {
    const double seconds = std::chrono::duration<double>(progress.elapsed).count();
    const double left =
        seconds * static_cast<double>(counts.to_list - counts.listed) / static_cast<double>(counts.listed);
    line += fmt::format(", about {} left", describe_duration(Duration(static_cast<Duration::rep>(left * 1e6))));
  }
  return line;
}

}  // namespace convoke
