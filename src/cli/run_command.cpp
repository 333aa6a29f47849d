// `convoke run` and `convoke retry`.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "base/text.h"
#include "cli/options.h"
#include "cli/run_job.h"
#include "ledger/jobs.h"
#include "ledger/read_ledger.h"
#include "report/next_step.h"

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

  std::string name() const { return job ? job->name : argument.substr(1); }
};

std::string list_arguments(const JobOptions& job) {
  std::string text = " --csv " + shell_word(job.csv);
  if (job.course) text += " --course " + shell_word(*job.course);
  if (job.course_column) text += " --course-column " + shell_word(*job.course_column);
  if (job.member_column) text += " --member-column " + shell_word(*job.member_column);
  if (job.email_column) text += " --email-column " + shell_word(*job.email_column);
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

// What the ledger has of a job that could not run.
void look_up(RunReport& report, const std::filesystem::path& ledger) {
  std::error_code none;
  if (!std::filesystem::exists(ledger, none)) return;
  try {
    read_ledger(ledger, [&](Database& database) {
      const auto id = find_job(database, report.job);
      if (!id) return;
      report.books = books_of(database, *id);
      report.place.ledger = full_path(ledger);
    });
  } catch (const Error&) {
    report.place.ledger.clear();  // it may be the ledger itself that is wrong, and that is said already
  }
}

// Runs the job. What keeps it from that is said, and in the report.
RunReport run_one(const Asked& asked, const Config& config, const RunOptions& options,
                  const Interruption& interruption) {
  try {
    if (asked.error) throw *asked.error;
    return at_ledger(config.ledger_path, [&] { return run_job(config, *asked.job, options, interruption); });
  } catch (const std::exception& failure) {
    const Error error = as_error(failure);
    print_error(error);
    RunReport report = failed_report(asked.name(), error);
    report.place.base_url = config.api.base_url;
    report.place.has_config = config.file.has_value();
    look_up(report, config.ledger_path);
    return report;
  }
}

RunOptions options_of(const RunCommand& command, const std::vector<Outcome>& retry) {
  RunOptions options;
  options.max_members = command.max_members;
  options.progress = progress_mode(command);
  options.retry = retry;
  options.accept_shrunk = command.accept_shrunk;
  options.assume_used = command.assume_used;
  options.rehearse = command.rehearse ? Rehearse::yes : Rehearse::no;
  return options;
}

std::string names_of(const std::vector<Outcome>& outcomes) {
  std::vector<std::string_view> names;
  names.reserve(outcomes.size());
  for (const Outcome outcome : outcomes) names.push_back(name_of(outcome));
  return fmt::format("{}", fmt::join(names, ", "));
}

void print_report(const RunReport& report, const CommonOptions& common) {
  if (common.json || !report.has_begun()) return;
  print_result(common.quiet ? run_report_brief(report) : run_report_text(report));
}

// What concerns all runs of the command; `to_go_on`: with which all that was left is gone on with.
void print_end(const std::vector<RunReport>& reports, Exit exit, const RunCommand& command,
               const CommandLine& to_go_on) {
  print_result(command.common.json ? run_reports_json(reports, exit) : closing_line(reports));
  const std::string not_run = not_run_line(reports);
  if (not_run.empty()) return;
  std::fputs(not_run.c_str(), stderr);
  if (!command.common.json && !command.has_csv) print_result(next_line({to_go_on.text(), {}}));
}

Exit run_all(const RunCommand& command, const std::vector<Outcome>& retry) {
  start_log(command.common);
  const Config config = command.common.load(command.jobs);
  const Interruption interruption(duration_option(command.max_duration, "--max-duration"));
  const RunOptions options = options_of(command, retry);
  const std::vector<Asked> asked = jobs_of(command, config);
  std::vector<RunReport> reports;
  CommandLine to_go_on{retry.empty() ? "convoke run" : "convoke retry", {}, command.common.again()};
  Exit exit = Exit::ok;
  bool is_over = false;
  for (const Asked& one : asked) {
    if (is_over) {
      reports.push_back(not_run_report(one.name()));
    } else {
      RunReport& report = reports.emplace_back(run_one(one, config, options, interruption));
      report.list.retried_outcomes = names_of(retry);
      report.next = next_step(report, {to_go_on.verb, one.argument, to_go_on.options}, config.run);
      is_over = ends_all(report.exit) || interruption.is_asked();
    }
    const RunReport& report = reports.back();
    exit = worst(exit, report.exit);
    if (report.exit == Exit::try_later || report.exit == Exit::api_unavailable) to_go_on.job += one.argument;
    print_report(report, command.common);
  }
  print_end(reports, exit, command, to_go_on);
  return exit;
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
    status.code = run_all(*command, {});
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
    status.code = run_all(*command, outcomes);
  });
}

}  // namespace convoke
