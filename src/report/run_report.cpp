#include "report/run_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/books_text.h"
#include "report/json.h"
#include "report/numbers.h"

namespace convoke {
namespace {

constexpr std::array settled_outcomes = {Outcome::invited, Outcome::already_invited, Outcome::rejected,
                                         Outcome::failed,  Outcome::in_doubt,        Outcome::unknown};

// How the list stands, in one clause.
std::string standing(const RunReport& report) {
  const Books& books = report.books;
  std::vector<std::string> parts;
  if (books.in_list() == 0 && books.invalid > 0 && report.list.ignores_invalid)
    parts.push_back(fmt::format("no row of the list names a member: {}",
                                plural(books.invalid, "row is invalid", "rows are invalid")));
  if (books.not_invited() > 0) {
    parts.push_back(fmt::format("{} of {} not invited", grouped(books.not_invited()),
                                plural(books.in_list(), "member is", "members are")));
  }
  if (books.unknown() > 0)
    parts.push_back(plural(books.unknown(), "address is unknown to the API", "addresses are unknown to the API"));
  if (books.invalid > 0 && !report.list.ignores_invalid)
    parts.push_back(plural(books.invalid, "row is invalid", "rows are invalid"));
  if (const auto due = books.of(Outcome::pending); due > 0)
    parts.push_back(plural(due, "member is due", "members are due"));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string headline(const RunReport& report) {
  if (report.is_whole() && report.exit == Exit::ok) return report.place.is_rehearsal ? "a rehearsal, done" : "done";
  if (report.is_whole()) return "finished, but " + standing(report);
  const std::string left = standing(report);
  return fmt::format("stopped: {}{}", report.end.message, left.empty() ? "" : fmt::format(" ({})", left));
}

std::string refused_text(const RunReport& report, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < report.end.refused.size() && i < most; ++i) {
    const RefusedTarget& refused = report.end.refused[i];
    text += fmt::format("  {:<18} {:>13}   due, of {}: {}\n", fmt::format("refused {}", words_of(refused.target.kind)),
                        grouped(refused.members), excerpt(refused.target.id), refused.words);
  }
  if (report.end.refused.size() > most)
    text += fmt::format("  and {} more; --json names them all\n",
                        counted(static_cast<std::int64_t>(report.end.refused.size() - most),
                                words_of(report.end.refused.front().target.kind)));
  return text;
}

// The books as they stand, and what this run did to them.
std::string books_text(const RunReport& report) {
  const Books& books = report.books;
  BooksRemarks remarks;
  if (!report.list.reading) remarks.rows_read = report.list.unread_why;
  if (books.invalid > 0 && report.list.ignores_invalid) remarks.invalid = "ignored, as the job says";
  remarks.mended = mended_how;
  for (const Outcome outcome : settled_outcomes) {
    if (const auto now = report.counts.of(outcome); now > 0)
      remarks.of(outcome) = fmt::format("{} by this run", grouped(now));
  }
  const BooksView view{books, report.troubles, report.job, report.place.ledger};
  return view.list_text(std::move(remarks)) + refused_text(report, 10) + view.gone_text();
}

std::string calls_text(const RunReport& report) {
  std::string text;
  if (report.list.retried && *report.list.retried == 0)
    text += fmt::format("  nothing to retry: nobody in the list is {}\n", report.list.retried_outcomes);
  if (report.list.retried && *report.list.retried > 0)
    text += table_line("retried", *report.list.retried, "made due again");
  const std::int64_t retries = report.counts.retries;
  text += table_line("calls", report.counts.calls,
                     retries > 0 ? plural(retries, "of them is a retry", "of them are retries") : "");
  text += fmt::format("  took {}\n", describe_duration(report.took));
  if (report.in_earnest && report.in_earnest->duration > Duration::zero()) {
    text += fmt::format("  in earnest it takes about {} under the limits\n",
                        describe_duration(report.in_earnest->duration));
  }
  return text;
}

JsonObject run_json(const RunReport& report) {
  JsonObject run;
  run.add("job", report.job).add("run_id", report.run).add("exit_code", static_cast<int>(report.exit));
  run.add("stopped_by", or_null(name_of(report.end.by))).add("message", or_null(report.end.message));
  run.add("reason", or_null(name_of(report.end.reason))).add("next_call", or_null(report.end.next_call));
  run.add("next", or_null(report.next.command)).add("source_read", report.list.reading.has_value());
  add_rows_and_members(run, report.books);
  for (const Outcome outcome : settled_outcomes) {
    if (outcome != Outcome::unknown) run.add(name_of(outcome), report.counts.of(outcome));  // that is of the rows
  }
  add_outcomes(run, report.books);
  run.add_raw("troubles", troubles_json(report.troubles));
  run.add_list("refused_courses", report.end.refused, [](const RefusedTarget& refused) {
    return JsonObject()
        .add("course_id", refused.target.id)
        .add("members", refused.members)
        .add("message", refused.words)
        .add("target", name_of(refused.target.kind))
        .text();
  });
  run.add("retried", report.list.retried).add("calls", report.counts.calls).add("retries", report.counts.retries);
  run.add("base_url", or_null(report.place.base_url)).add("ledger", or_null(report.place.ledger));
  run.add("ledger_is_new", report.place.is_ledger_new).add("rehearsal", report.place.is_rehearsal);
  run.add("seconds", std::chrono::duration<double>(report.took).count());
  return run;
}

}  // namespace

std::string next_line(const NextStep& next) {
  if (next.command.empty()) return {};
  return fmt::format("next{}: {}\n", next.when.empty() ? "" : fmt::format(" ({})", next.when), next.command);
}

RunReport failed_report(const std::string& job, const Error& error) {
  RunReport report;
  report.job = job;
  report.exit = error.exit();
  report.end.by = StoppedBy::error;
  report.end.message = excerpt(error.what(), 500);
  return report;
}

RunReport not_run_report(const std::string& job) {
  RunReport report;
  report.job = job;
  report.exit = Exit::try_later;
  report.end.by = StoppedBy::not_run;
  report.end.message = "not run: what ended the run before it would end this one too";
  report.list.unread_why = "not read";
  return report;
}

std::string run_report_text(const RunReport& report) {
  std::string text;
  if (report.place.is_rehearsal) text += "a rehearsal: nobody was invited\n";
  text += fmt::format("{}: {}\n", excerpt(report.job), headline(report));
  text += books_text(report) + calls_text(report);
  text += fmt::format("  API {}{}{}\n", excerpt(report.place.base_url), report.place.way,
                      report.place.has_config ? "" : "; no config.toml was found, all is as it is by default");
  text += fmt::format("  ledger {}{}\n", excerpt(report.place.ledger, 500), report.place.is_ledger_new ? " (new)" : "");
  return text + next_line(report.next);
}

std::string run_report_brief(const RunReport& report) {
  if (report.exit == Exit::ok) return {};
  std::string text = fmt::format("{}{}: {}\n", report.place.is_rehearsal ? "a rehearsal: nobody was invited\n" : "",
                                 excerpt(report.job), headline(report));
  if (report.end.refused.size() > 1) text += refused_text(report, 2);
  std::size_t lines = report.end.refused.size() > 1 ? 2 : 0;
  for (const Trouble& trouble : report.troubles) {
    if (trouble.outcome == "withdrawn" || (trouble.outcome == "invalid" && report.list.ignores_invalid)) continue;
    if (++lines > 3) break;
    text += fmt::format("  {} {}: {} ({})\n", grouped(trouble.count), trouble.outcome, in_words(trouble, 120),
                        where_it_is(trouble));
  }
  text += next_line(report.next);
  return text;
}

std::string run_reports_json(const std::vector<RunReport>& reports, Exit exit) {
  std::string stopped_by;
  for (const RunReport& report : reports) {
    if (!report.is_whole() && (stopped_by.empty() || report.exit == exit)) stopped_by = name_of(report.end.by);
  }
  JsonObject all;
  all.add("exit_code", static_cast<int>(exit)).add("stopped_by", or_null(stopped_by));
  all.add_list("runs", reports, [](const RunReport& report) { return run_json(report).text(); });
  return all.text() + "\n";
}

std::string progress_line(const Progress& progress, Duration elapsed) {
  const std::int64_t done = progress.counts.handled();
  const double seconds = std::max(std::chrono::duration<double>(elapsed).count(), 0.001);
  const double rate = static_cast<double>(done) / seconds;
  std::string line = fmt::format("{} of {} settled", grouped(done), grouped(progress.due_at_start));
  if (const auto bad = progress.counts.of(Outcome::rejected) + progress.counts.of(Outcome::failed); bad > 0) {
    line += fmt::format(", {} rejected or failed", grouped(bad));
  }
  line += ", " + counted(progress.counts.calls, "call");
  if (progress.counts.retries > 0) line += fmt::format(" ({})", plural(progress.counts.retries, "retry", "retries"));
  line += fmt::format(", {} in flight", grouped(progress.in_flight));
  if (done > 0 && done < progress.due_at_start) {
    const auto left =
        Duration(static_cast<Duration::rep>(static_cast<double>(progress.due_at_start - done) / rate * 1e6));
    line += fmt::format(", about {} left", describe_duration(left));
  }
  return line;
}

}  // namespace convoke
