// `convoke run` and `convoke retry`.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "base/numbers.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/outcome_list.h"
#include "cli/run_job.h"
#include "ledger/jobs.h"

namespace convoke {
namespace {

struct RunCommand {
  CommonOptions common;
  std::vector<std::string> jobs;
  JobOptions job;
  bool has_csv = false;
  std::optional<std::int64_t> max_members;
  std::string max_duration;
  bool accept_shrunk = false;
  std::optional<std::int64_t> assume_used;
  bool rehearse = false;
  std::string progress = "auto";
  std::string outcomes = "failed,rejected,in_doubt";
};

ShowProgress progress_mode(const RunCommand& command) {
  if (command.progress == "never") return ShowProgress::never;
  const ShowProgress by_itself = progress_of(command.common);
  // Into a file or a cron mail, a line now and then would only be noise, unless it is asked for.
  const bool is_log = command.progress == "always" && by_itself == ShowProgress::unexpected;
  return is_log ? ShowProgress::log : by_itself;
}

std::optional<Duration> duration_option(const std::string& text, const char* option) {
  if (text.empty()) return std::nullopt;
  const auto duration = parse_duration(text);
  if (!duration || *duration == Duration::zero()) {
    throw Error(Exit::usage, fmt::format("not a span of time: {}", excerpt(text)), option, "such as 30s, 50m or 24h");
  }
  return duration;
}

// What ends one job's run for reasons that are the next one's too: the key, the disk, a defect of ours.
bool ends_all(Exit exit) {
  return exit == Exit::key_refused || exit == Exit::disk || exit == Exit::defect;
}

// One job of a command line, as far as it can be read.
struct Asked {
  std::string argument;  // how the command line says it
  std::optional<Job> job;
  std::optional<Error> error;
};

std::string list_arguments(const JobOptions& job) {
  std::string text = " --csv " + shell_word(job.csv);
  if (job.course) text += " --course " + shell_word(*job.course);
  if (job.course_column) text += " --course-column " + shell_word(*job.course_column);
  if (job.member_column) text += " --member-column " + shell_word(*job.member_column);
  if (job.delimiter) text += " --delimiter " + shell_word(*job.delimiter);
  if (job.no_header) text += " --no-header";
  if (job.email_notification) text += " --email-notification";
  if (job.name) text += " --name " + shell_word(*job.name);
  return text;
}

std::vector<Asked> jobs_of(const RunCommand& command, const Config& config) {
  const auto overrides = command.common.overrides();
  std::vector<Asked> asked;
  const auto add = [&](const std::string& argument, auto&& load) {
    Asked one{argument, {}, {}};
    try {
      one.job = load();
    } catch (const Error& error) {
      if (error.exit() == Exit::usage) throw;
      one.error = error;
    }
    asked.push_back(std::move(one));
  };
  for (const std::string& argument : command.jobs)
    add(" " + shell_word(argument), [&] { return load_job(argument, config, overrides); });
  if (command.has_csv) add(list_arguments(command.job), [&] { return job_from_options(command.job, overrides); });
  for (std::size_t i = 0; i < asked.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (asked[i].job && asked[j].job && asked[i].job->name == asked[j].job->name)
        throw Error(Exit::usage, fmt::format("two jobs are called {}", excerpt(asked[i].job->name)));
    }
  }
  return asked;
}

// The next thing to do, as a command line; empty: nothing. `same`: the command as it was given.
std::string next_command(const RunReport& report, const std::string& job, const std::string& again,
                         const std::string& same, bool retries_failed) {
  if (job.starts_with(" --csv -")) return {};  // whoever fed it must feed it again
  std::string run = "convoke run" + job + again;
  const bool is_whole = report.stopped_by.empty();
  if (report.is_rehearsal) return is_whole ? run : std::string();
  const auto in_list = [&](Outcome outcome) { return report.books.in_list_of(outcome) > 0; };
  const auto retry = [&](Outcome outcome) {
    return "convoke retry" + job + again + " --outcome " + std::string(name_of(outcome));
  };
  switch (report.exit) {
    case Exit::incomplete:
      if (!is_whole) return run;
      if (in_list(Outcome::failed)) return retries_failed ? run : retry(Outcome::failed);
      if (in_list(Outcome::in_doubt)) return retry(Outcome::in_doubt);
      if (in_list(Outcome::rejected)) return listing_command(report.job, report.ledger, name_of(Outcome::rejected));
      return listing_command(report.job, report.ledger, "invalid");
    case Exit::try_later:
      return report.run ? run : same;  // another process has the job
    case Exit::bad_config:
      if (report.run && report.books.of(Outcome::pending) == 0 && in_list(Outcome::in_doubt))
        return retry(Outcome::in_doubt);
      return report.run ? run : std::string();
    case Exit::api_unavailable:
    case Exit::key_refused:
    case Exit::disk:
      return report.run ? run : std::string();
    default:
      return {};  // the message says what to do
  }
}

// When, or after what.
std::string next_when(const RunReport& report) {
  if (report.is_rehearsal) return "in earnest";
  if (report.next_call) return fmt::format("from {} on", format_time(*report.next_call));
  switch (report.exit) {
    case Exit::key_refused:
      return report.reason == Reason::account_refused ? "once the account is in order" : "with the right key";
    case Exit::bad_config:
      return report.reason == Reason::course_refused ? "once the course is right" : "once that is mended";
    case Exit::api_unavailable:
      return "later";
    case Exit::incomplete:
      return report.stopped_by.empty() ? "" : "once that is mended";
    default:
      return {};
  }
}

// What the ledger has of a job that could not run.
void look_up(RunReport& report, const Config& config) {
  std::error_code none;
  if (!std::filesystem::exists(config.ledger_path, none)) return;
  try {
    Database database = Database::open_to_read(config.ledger_path);
    const auto id = find_job(database, report.job);
    if (!id) return;
    report.books = books_of(database, *id);
    report.ledger = std::filesystem::absolute(config.ledger_path).lexically_normal().string();
  } catch (const Error&) {
    report.ledger.clear();  // it may be the ledger itself that is wrong, and that is said already
  }
}

RunReport failed_report(const std::string& name, const Error& error, const Config& config) {
  RunReport report;
  report.job = name;
  report.base_url = config.api.base_url;
  report.has_config = config.file.has_value();
  look_up(report, config);
  report.exit = error.exit();
  report.stopped_by = "error";
  report.message = excerpt(error.what(), 500);
  return report;
}

RunReport not_run_report(const std::string& name) {
  RunReport report;
  report.job = name;
  report.exit = Exit::try_later;
  report.stopped_by = "not_run";
  report.message = "not run: what ended the run before it would end this one too";
  report.unread_why = "not read";
  return report;
}

// Of several jobs, which ended how; empty if all is well, or there is one only.
std::string closing_line(const std::vector<RunReport>& reports) {
  std::vector<std::string> bad;
  for (const RunReport& report : reports) {
    if (report.stopped_by == "not_run") {
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

void print_report(const RunReport& report, const RunCommand& command) {
  if (command.common.json || report.stopped_by == "error" || report.stopped_by == "not_run") return;
  print_result(command.common.quiet ? run_report_brief(report) : run_report_text(report));
}

void run_all(const RunCommand& command, const std::vector<Outcome>& retry, ExitStatus& status) {
  start_log(command.common);
  const Config config = command.common.load(command.jobs);
  const Interruption interruption(duration_option(command.max_duration, "--max-duration"));
  RunOptions options;
  options.max_members = command.max_members;
  options.progress = progress_mode(command);
  options.retry = retry;
  options.accept_shrunk = command.accept_shrunk;
  options.assume_used = command.assume_used;
  options.rehearse = command.rehearse ? Rehearse::yes : Rehearse::no;

  std::vector<RunReport> reports;
  std::vector<std::string> not_run;
  std::string to_go_on;  // as arguments
  bool is_over = false;
  const std::vector<Asked> asked = jobs_of(command, config);
  for (const Asked& one : asked) {
    const std::string name = one.job ? one.job->name : one.argument.substr(1);
    if (is_over) {
      not_run.push_back(excerpt(name));
      to_go_on += one.argument;
      reports.push_back(not_run_report(name));
      status.code = worst(status.code, reports.back().exit);
      continue;
    }
    try {
      if (one.error) throw *one.error;
      reports.push_back(run_job(config, *one.job, options, interruption));
    } catch (const std::exception& failure) {
      const Error error = as_error(failure, config.ledger_path);
      print_error(error);
      reports.push_back(failed_report(name, error, config));
    }
    RunReport& report = reports.back();
    if (!retry.empty()) {
      std::vector<std::string_view> names;
      names.reserve(retry.size());
      for (const Outcome outcome : retry) names.push_back(name_of(outcome));
      report.retried_outcomes = fmt::format("{}", fmt::join(names, ", "));
    }
    const std::string verb = retry.empty() ? "convoke run" : "convoke retry";
    report.next = next_command(report, one.argument, command.common.again(),
                               verb + one.argument + command.common.again(), config.run.retry_failed);
    report.next_when = next_when(report);
    status.code = worst(status.code, report.exit);
    if (report.exit == Exit::try_later || report.exit == Exit::api_unavailable) to_go_on += one.argument;
    is_over = ends_all(report.exit) || interruption.is_asked();
    print_report(report, command);
  }
  if (command.common.json) print_result(run_reports_json(reports, status.code));
  if (!command.common.json) print_result(closing_line(reports));
  if (not_run.empty()) return;
  std::fputs(fmt::format("not run: {}\n", fmt::join(not_run, ", ")).c_str(), stderr);
  if (!command.common.json && !command.has_csv)
    print_result(fmt::format("next: {}{}{}\n", retry.empty() ? "convoke run" : "convoke retry", to_go_on,
                             command.common.again()));
}

void add_run_options(CLI::App& app, RunCommand& command) {
  app.add_option("--max-members", command.max_members, "Settle so many members, then stop (exit 75): a canary")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000'000}));
  app.add_option("--max-duration", command.max_duration, "Stop after this time (exit 75), e.g. 50m")->type_name("TIME");
  app.add_flag("--accept-shrunk", command.accept_shrunk,
               "The list is right, though it would withdraw most of those who are due");
  app.add_option("--assume-used", command.assume_used,
                 "Of a ledger that was copied: so many calls of the longest limit are used that it does not know of")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{10'000'000}));
  app.add_option("--progress", command.progress, "Show how it goes, on standard error")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

}  // namespace

void add_run_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<RunCommand>();
  CLI::App* run = app.add_subcommand("run", "Load what is new, send what is due, stop when settled");
  run->add_option("JOB", command->jobs, "Jobs: names of files in jobs/, or paths");
  add_list_options(*run, command->job);
  add_run_options(*run, *command);
  run->add_flag("--rehearse", command->rehearse,
                "Invite nobody: a sandbox in this process, a ledger of its own beside the real one");
  add_common_options(*run, command->common);
  run->footer(
      "Example: convoke run members --max-members 100\n         convoke run members --rehearse\n"
      "         convoke run --csv members.csv --course 42");
  run->callback([command, run, &status] {
    command->has_csv = run->count("--csv") > 0;
    if (command->jobs.empty() && !command->has_csv) {
      throw Error(Exit::usage, "no job", "run",
                  "name one, as in: convoke run members; or give a list with --csv and --course");
    }
    run_all(*command, {}, status);
  });
}

void add_retry_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<RunCommand>();
  CLI::App* retry = app.add_subcommand("retry", "Make members due again that ended badly, then run");
  retry->add_option("JOB", command->jobs, "The job")->expected(0, 1);
  add_list_options(*retry, command->job);
  retry->add_option("--outcome", command->outcomes, "Whose turn it is again, comma-separated")
      ->type_name("OUTCOME,…")
      ->capture_default_str();
  add_run_options(*retry, *command);
  add_common_options(*retry, command->common);
  retry->footer("Example: convoke retry members --outcome failed");
  retry->callback([command, retry, &status] {
    command->has_csv = retry->count("--csv") > 0;
    if (command->jobs.empty() != command->has_csv)
      throw Error(Exit::usage, "one job", "retry", "name it, as in: convoke retry members");
    const auto outcomes = outcome_list(command->outcomes);
    for (const Outcome outcome : outcomes) {
      if (outcome != Outcome::failed && outcome != Outcome::rejected && outcome != Outcome::in_doubt) {
        throw Error(Exit::usage, fmt::format("members that are {} cannot be made due", name_of(outcome)), "--outcome",
                    "failed, rejected and in_doubt can");
      }
    }
    run_all(*command, outcomes, status);
  });
}

}  // namespace convoke
