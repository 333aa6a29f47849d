#include "report/run_report.h"

#include <fmt/format.h>

#include "report/json.h"
#include "report/numbers.h"

namespace convoke {
namespace {

constexpr std::array counted = {Outcome::invited, Outcome::already_invited, Outcome::rejected, Outcome::failed,
                                Outcome::in_doubt};

}  // namespace

std::string run_report_text(const RunReport& report) {
  std::string text =
      fmt::format("{}: {}\n", report.job, report.stopped_by.empty() ? "done" : "stopped: " + report.message);
  const auto line = [&text](auto&&... parts) { text += table_line(parts...); };
  const Books& books = report.books;
  line("rows read", books.rows_read, report.reading ? "" : report.unread_why);
  line("  invalid", books.invalid);
  line("  duplicates", books.duplicates);
  if (books.gone > 0) line("members gone", books.gone, "known from before, not in the source now");
  line("members", books.all_members());
  for (const Outcome outcome : all_outcomes) {
    const std::int64_t members = books.of(outcome);
    const std::int64_t now =
        outcome == Outcome::pending || outcome == Outcome::withdrawn ? 0 : report.counts.of(outcome);
    if (members == 0 && outcome != Outcome::invited) continue;
    line(fmt::format("  {}", name_of(outcome)), members, now > 0 ? fmt::format("{} by this run", grouped(now)) : "");
  }
  line("calls", report.counts.calls,
       report.counts.retries > 0 ? fmt::format("{} of them retries", grouped(report.counts.retries)) : "");
  text += fmt::format("  took {}\n", describe_duration(report.took));
  return text;
}

std::string run_reports_json(const std::vector<RunReport>& reports, Exit exit) {
  std::string runs;
  std::string stopped_by;
  for (const RunReport& report : reports) {
    JsonObject run;
    run.add("job", report.job).add("run_id", report.run).add("exit_code", static_cast<int>(report.exit));
    const auto text_or_null = [&](std::string_view key, const std::string& value) {
      value.empty() ? run.add_raw(key, "null") : run.add(key, value);
    };
    text_or_null("stopped_by", report.stopped_by);
    text_or_null("message", report.message);
    run.add("next_call", report.next_call ? std::optional(format_time(*report.next_call)) : std::nullopt);
    run.add_raw("source_read", report.reading ? "true" : "false");
    run.add("rows_read", report.books.rows_read)
        .add("invalid", report.books.invalid)
        .add("duplicates", report.books.duplicates);
    run.add("members", report.books.all_members()).add("gone", report.books.gone);
    for (const Outcome outcome : counted) run.add(name_of(outcome), report.counts.of(outcome));
    JsonObject books;
    for (const Outcome outcome : all_outcomes) books.add(name_of(outcome), report.books.of(outcome));
    run.add_raw("outcomes", books.text());
    run.add("calls", report.counts.calls).add("retries", report.counts.retries);
    run.add("seconds", std::chrono::duration<double>(report.took).count());
    append_element(runs, run.text());
    if (!report.stopped_by.empty()) stopped_by = report.stopped_by;
  }
  JsonObject all;
  all.add("exit_code", static_cast<int>(exit));
  stopped_by.empty() ? all.add_raw("stopped_by", "null") : all.add("stopped_by", stopped_by);
  all.add_raw("runs", "[" + runs + "]");
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
  line += fmt::format(", {} calls", grouped(progress.counts.calls));
  if (progress.counts.retries > 0) line += fmt::format(" ({} retries)", grouped(progress.counts.retries));
  line += fmt::format(", {} in flight", progress.in_flight);
  if (done > 0 && done < progress.due_at_start) {
    const auto left =
        Duration(static_cast<Duration::rep>(static_cast<double>(progress.due_at_start - done) / rate * 1e6));
    line += fmt::format(", about {} left", describe_duration(left));
  }
  return line;
}

}  // namespace convoke
