#include "report/status_report.h"

#include <fmt/format.h>

#include "base/error.h"
#include "report/books_text.h"
#include "report/json.h"
#include "report/numbers.h"
#include "report/outlook_text.h"
#include "report/run_report.h"

namespace convoke {
namespace {

std::string how_it_ended(const RunRecord& run, bool is_running) {
  if (!run.ended_at) return is_running ? "is running" : "was killed";
  std::string text = run.exit_code ? fmt::format("ended {} with exit {}", format_time(*run.ended_at), *run.exit_code)
                     : run.stopped_by.empty() ? std::string("ended")
                                              : fmt::format("was {}", run.stopped_by);
  if (run.exit_code && !run.stopped_by.empty()) text += ", stopped by " + run.stopped_by;
  return text;
}

std::string run_text(const std::optional<RunRecord>& one, bool is_running) {
  if (!one) return {};
  const RunRecord& run = *one;
  std::string text = fmt::format("  {} {} started {} {}: {}", run.command, run.run, format_time(run.started_at),
                                 how_it_ended(run, is_running), counted(run.counts.calls, "call"));
  if (run.counts.retries > 0) text += fmt::format(", {} retried", grouped(run.counts.retries));
  text += '\n';
  if (!run.message.empty()) text += fmt::format("    {}\n", excerpt(run.message, 500));
  return text;
}

std::string job_text(const JobStatus& job, const std::string& ledger) {
  BooksRemarks remarks;
  if (job.books.in_list_of(Outcome::pending) > 0)
    remarks.of(Outcome::pending) = fmt::format("{}, {}", counted(job.calls_due, "call"), forecast_text(job.forecast));
  const BooksView view{job.books, job.troubles, job.name, ledger};
  std::string text = excerpt(job.name) + '\n' + view.list_text(std::move(remarks)) + view.gone_text();
  text += without_answer_text(job.without_answer);
  if (job.books.half_read) text += "  the list was not read to its end: the next run reads it again\n";
  return text + run_text(job.last_run, job.is_running) + run_text(job.last_verify, job.is_running);
}

NextStep next_step(const JobStatus& job, const LedgerStatus& status) {
  const bool is_work_left = job.books.of(Outcome::pending) + job.books.in_list_of(Outcome::failed) > 0;
  if (!is_work_left || job.is_running || job.origin.empty() || status.api.is_rehearsal) return {};
  const auto exit = job.last_run ? job.last_run->exit_code : std::nullopt;
  const bool needs_mending = exit && *exit >= static_cast<int>(Exit::key_refused);
  const std::string when = needs_mending ? "once that is mended" : "";
  if (!job.origin.ends_with(".toml")) {
    return {fmt::format("run {} again, with the options it was run with: convoke run --csv {} … --ledger {}",
                        excerpt(job.name), shell_word(job.origin), shell_word(status.ledger)),
            when};
  }
  const std::string config = status.config.empty() ? std::string() : " --config " + shell_word(status.config);
  return {fmt::format("convoke run {}{} --ledger {}", shell_word(job.origin), config, shell_word(status.ledger)), when};
}

std::optional<JsonObject> run_json(const std::optional<RunRecord>& run, const JobStatus& job) {
  if (!run) return std::nullopt;
  const RunRecord& last = *run;
  return JsonObject()
      .add("run_id", last.run)
      .add("started_at", format_time(last.started_at))
      .add("ended_at", or_null(last.ended_at))
      .add("exit_code", last.exit_code)
      .add("stopped_by", or_null(last.stopped_by))
      .add("message", or_null(last.message))
      .add("running", job.is_running && !last.ended_at)
      .add("calls", last.counts.calls)
      .add("retries", last.counts.retries);
}

JsonObject job_json(const JobStatus& job) {
  JsonObject json;
  json.add("job", job.name);
  add_rows_and_members(json, job.books);
  add_outcomes(json, job.books);
  json.add_raw("troubles", troubles_json(job.troubles))
      .add("asked_without_answer", job.without_answer)
      .add("calls_due", job.calls_due)
      .add("forecast", forecast_json(job.forecast));
  return json.add("last_run", run_json(job.last_run, job)).add("last_verify", run_json(job.last_verify, job));
}

}  // namespace

std::string status_text(const LedgerStatus& status) {
  std::string text;
  for (const JobStatus& job : status.jobs) text += job_text(job, status.ledger);
  if (status.jobs.empty()) text += "no job was run on this ledger yet\n";
  text += fmt::format("ledger {}{}\n", excerpt(status.ledger, 500),
                      status.api.base_url ? fmt::format(", of {}", excerpt(*status.api.base_url)) : "");
  text += "limits\n" + limits_text(status.limits);
  for (const JobStatus& job : status.jobs) text += next_line(next_step(job, status));
  return text;
}

std::string status_json(const LedgerStatus& status) {
  return JsonObject()
             .add("ledger", status.ledger)
             .add("base_url", status.api.base_url)
             .add_list("jobs", status.jobs, [](const JobStatus& job) { return job_json(job).text(); })
             .add("quota", limits_json(status.limits))
             .text() +
         "\n";
}

}  // namespace convoke
