#include "report/run_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/json.h"
#include "report/numbers.h"

namespace convoke {
namespace {

constexpr std::array settled_outcomes = {Outcome::invited, Outcome::already_invited, Outcome::rejected, Outcome::failed,
                                         Outcome::in_doubt};

std::string plural(std::int64_t number, std::string_view one, std::string_view more) {
  return fmt::format("{} {}", grouped(number), number == 1 ? one : more);
}

// How the list stands, in one clause.
std::string standing(const RunReport& report) {
  const Books& books = report.books;
  std::vector<std::string> parts;
  if (books.in_list() == 0 && books.invalid > 0 && report.ignores_invalid)
    parts.push_back(fmt::format("no row of the list names a member: {}",
                                plural(books.invalid, "row is invalid", "rows are invalid")));
  if (books.not_invited() > 0) {
    parts.push_back(fmt::format("{} of {} not invited", grouped(books.not_invited()),
                                plural(books.in_list(), "member is", "members are")));
  }
  if (books.invalid > 0 && !report.ignores_invalid)
    parts.push_back(plural(books.invalid, "row is invalid", "rows are invalid"));
  if (const auto due = books.of(Outcome::pending); due > 0)
    parts.push_back(plural(due, "member is due", "members are due"));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string headline(const RunReport& report) {
  if (report.stopped_by.empty() && report.exit == Exit::ok) return report.is_rehearsal ? "a rehearsal, done" : "done";
  if (report.stopped_by.empty()) return "finished, but " + standing(report);
  const std::string left = standing(report);
  return fmt::format("stopped: {}{}", report.message, left.empty() ? "" : fmt::format(" ({})", left));
}

std::string refused_text(const RunReport& report, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < report.refused.size() && i < most; ++i) {
    const RefusedCourse& course = report.refused[i];
    text += fmt::format("  refused course     {:>13}   due, of {}: {}\n", grouped(course.members),
                        excerpt(course.course_id), course.words);
  }
  if (report.refused.size() > most)
    text += fmt::format("  and {} more; --json names them all\n",
                        plural(static_cast<std::int64_t>(report.refused.size() - most), "course", "courses"));
  return text;
}

std::string next_line(const RunReport& report) {
  if (report.next.empty()) return {};
  return fmt::format("next{}: {}\n", report.next_when.empty() ? "" : fmt::format(" ({})", report.next_when),
                     report.next);
}

// What is the matter, and what the API, the network or the list had to say to it.
std::string in_words(const Trouble& trouble, std::size_t longest) {
  const std::string_view meaning = words_of(trouble.reason).meaning;
  // A message that says no more than the reason does is not worth a line's end.
  if (trouble.example.empty() || meaning.starts_with(trouble.example)) return std::string(meaning);
  std::string said = excerpt(trouble.example, longest);
  if (is_told_by_the_wire(trouble.reason)) return said;
  return trouble.outcome == "invalid" ? fmt::format("{}: \"{}\"", meaning, said) : fmt::format("{}: {}", meaning, said);
}

}  // namespace

std::string listing_command(const std::string& job, const std::string& ledger, std::string_view outcome) {
  if (outcome == "invalid") {
    std::string name;
    for (const char c : job) name += c == '\'' ? std::string("''") : std::string(1, c);
    return fmt::format(
        "sqlite3 -readonly -box {} {}", shell_word(ledger),
        shell_word(fmt::format("SELECT source_line, value, reason FROM invalid_rows WHERE job = '{}'", name)));
  }
  return fmt::format("convoke export {} --outcome {} --ledger {}", shell_word(job), outcome, shell_word(ledger));
}

std::string troubles_text(const std::vector<Trouble>& troubles, std::string_view outcome) {
  std::string text;
  for (const Trouble& trouble : troubles) {
    if (trouble.outcome != outcome) continue;
    text += fmt::format("      {} × {} ({}line {})\n", grouped(trouble.count), in_words(trouble, 160),
                        trouble.count == 1 ? "" : "for example ", trouble.source_line);
  }
  return text;
}

std::string troubles_json(const std::vector<Trouble>& troubles) {
  std::string list;
  for (const Trouble& trouble : troubles) {
    append_element(list, JsonObject()
                             .add("outcome", trouble.outcome)
                             .add("reason", name_of(trouble.reason))
                             .add("count", trouble.count)
                             .add("source_line", trouble.source_line)
                             .add("example", excerpt(trouble.example))
                             .text());
  }
  return "[" + list + "]";
}

std::string run_report_text(const RunReport& report) {
  std::string text;
  if (report.is_rehearsal) text += "a rehearsal: nobody was invited\n";
  text += fmt::format("{}: {}\n", excerpt(report.job), headline(report));
  const auto line = [&text](auto&&... parts) { text += table_line(parts...); };
  const Books& books = report.books;
  const auto troubles = [&](std::string_view outcome) {
    text += troubles_text(report.troubles, outcome);
    if (std::any_of(report.troubles.begin(), report.troubles.end(),
                    [&](const Trouble& trouble) { return trouble.outcome == outcome; }))
      text += fmt::format("      all of them: {}\n", listing_command(report.job, report.ledger, outcome));
  };
  line("rows read", books.rows_read, report.reading ? "" : report.unread_why);
  line("  invalid", books.invalid, books.invalid > 0 && report.ignores_invalid ? "ignored, as the job says" : "");
  troubles("invalid");
  line("  duplicates", books.duplicates);
  if (books.mended > 0) line("  mended", books.mended, "ids in braces, without dashes, or with invisible characters");
  line("members", books.in_list());
  for (const Outcome outcome : all_outcomes) {
    const std::int64_t members = books.in_list_of(outcome);
    const std::int64_t now =
        outcome == Outcome::pending || outcome == Outcome::withdrawn ? 0 : report.counts.of(outcome);
    if (members == 0 && now == 0 && outcome != Outcome::invited) continue;
    line(fmt::format("  {}", name_of(outcome)), members, now > 0 ? fmt::format("{} by this run", grouped(now)) : "");
    troubles(name_of(outcome));
  }
  text += refused_text(report, 10);
  if (books.all_gone() > 0) {
    line("left the list", books.all_gone(), "known from before, not in the list now");
    if (books.of(Outcome::withdrawn) > 0) line("  withdrawn", books.of(Outcome::withdrawn));
    troubles("withdrawn");
  }
  if (report.retried && *report.retried == 0)
    text += fmt::format("  nothing to retry: nobody in the list is {}\n", report.retried_outcomes);
  if (report.retried && *report.retried > 0) line("retried", *report.retried, "made due again");
  line("calls", report.counts.calls,
       report.counts.retries > 0 ? plural(report.counts.retries, "of them is a retry", "of them are retries") : "");
  text += fmt::format("  took {}\n", describe_duration(report.took));
  if (report.in_earnest && report.in_earnest->duration > Duration::zero()) {
    text += fmt::format("  in earnest it takes about {} under the limits\n",
                        describe_duration(report.in_earnest->duration));
  }
  text += fmt::format("  API {}{}{}\n", excerpt(report.base_url), report.way,
                      report.has_config ? "" : "; no config.toml was found, all is as it is by default");
  text += fmt::format("  ledger {}{}\n", excerpt(report.ledger, 500), report.is_ledger_new ? " (new)" : "");
  text += next_line(report);
  return text;
}

std::string run_report_brief(const RunReport& report) {
  if (report.exit == Exit::ok) return {};
  std::string text = fmt::format("{}{}: {}\n", report.is_rehearsal ? "a rehearsal: nobody was invited\n" : "",
                                 excerpt(report.job), headline(report));
  if (report.refused.size() > 1) text += refused_text(report, 2);
  std::size_t lines = report.refused.size() > 1 ? 2 : 0;
  for (const Trouble& trouble : report.troubles) {
    if (trouble.outcome == "withdrawn" || (trouble.outcome == "invalid" && report.ignores_invalid)) continue;
    if (++lines > 3) break;
    text += fmt::format("  {} {}: {} ({}line {})\n", grouped(trouble.count), trouble.outcome, in_words(trouble, 120),
                        trouble.count == 1 ? "" : "for example ", trouble.source_line);
  }
  text += next_line(report);
  return text;
}

std::string run_reports_json(const std::vector<RunReport>& reports, Exit exit) {
  std::string runs;
  std::string stopped_by;
  for (const RunReport& report : reports) {
    JsonObject run;
    run.add("job", report.job).add("run_id", report.run).add("exit_code", static_cast<int>(report.exit));
    const auto text_or_null = [&](std::string_view key, std::string_view value) {
      value.empty() ? run.add_raw(key, "null") : run.add(key, value);
    };
    text_or_null("stopped_by", report.stopped_by);
    text_or_null("message", report.message);
    text_or_null("reason", name_of(report.reason));
    run.add("next_call", report.next_call ? std::optional(format_time(*report.next_call)) : std::nullopt);
    text_or_null("next", report.next);
    run.add_raw("source_read", report.reading ? "true" : "false");
    run.add("rows_read", report.books.rows_read)
        .add("invalid", report.books.invalid)
        .add("duplicates", report.books.duplicates)
        .add("mended", report.books.mended);
    run.add("members", report.books.all_members()).add("gone", report.books.all_gone());
    for (const Outcome outcome : settled_outcomes) run.add(name_of(outcome), report.counts.of(outcome));
    JsonObject books;
    JsonObject in_list;
    for (const Outcome outcome : all_outcomes) {
      books.add(name_of(outcome), report.books.of(outcome));
      in_list.add(name_of(outcome), report.books.in_list_of(outcome));
    }
    run.add_raw("outcomes", books.text()).add_raw("in_list", in_list.text());
    run.add_raw("troubles", troubles_json(report.troubles));
    std::string refused;
    for (const RefusedCourse& course : report.refused) {
      append_element(refused, JsonObject()
                                  .add("course_id", course.course_id)
                                  .add("members", course.members)
                                  .add("message", course.words)
                                  .text());
    }
    run.add_raw("refused_courses", "[" + refused + "]");
    run.add("retried", report.retried);
    run.add("calls", report.counts.calls).add("retries", report.counts.retries);
    text_or_null("base_url", report.base_url);
    text_or_null("ledger", report.ledger);
    run.add_raw("ledger_is_new", report.is_ledger_new ? "true" : "false");
    run.add_raw("rehearsal", report.is_rehearsal ? "true" : "false");
    run.add("seconds", std::chrono::duration<double>(report.took).count());
    append_element(runs, run.text());
    if (!report.stopped_by.empty() && (stopped_by.empty() || report.exit == exit)) stopped_by = report.stopped_by;
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
