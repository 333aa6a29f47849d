// `convoke run` and `convoke retry`.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "cli/options.h"
#include "cli/outcome_list.h"
#include "cli/run_job.h"

namespace convoke {
namespace {

struct RunCommand {
  CommonOptions common;
  std::vector<std::string> jobs;
  JobOptions job;
  bool has_csv = false;
  std::optional<std::int64_t> max_members;
  std::string max_duration;
  std::string progress = "auto";
  std::string outcomes = "failed,rejected,in_doubt";
};

ShowProgress progress_mode(const RunCommand& command) {
  if (command.common.quiet || command.progress == "never") return ShowProgress::never;
  if (is_lively_terminal()) return ShowProgress::line;
  if (command.progress == "always") return ShowProgress::log;
  // Into a file or a cron mail: a line now and then would only be noise there.
  return ShowProgress::never;
}

std::optional<Duration> duration_option(const std::string& text, const char* option) {
  if (text.empty()) return std::nullopt;
  const auto duration = parse_duration(text);
  if (!duration || *duration == Duration::zero()) {
    throw Error(Exit::usage, fmt::format("not a span of time: {}", excerpt(text)), option, "such as 30s, 50m or 24h");
  }
  return duration;
}

// The worst of several runs: a refusal or a defect before work that is left, that before members that were refused.
Exit worst(Exit one, Exit other) {
  const auto weight = [](Exit exit) {
    const std::map<Exit, int> weights = {{Exit::ok, 0}, {Exit::incomplete, 1}, {Exit::try_later, 2}};
    const auto found = weights.find(exit);
    return found == weights.end() ? 3 : found->second;
  };
  return weight(other) > weight(one) ? other : one;
}

void run_all(const RunCommand& command, const std::vector<Outcome>& retry, ExitStatus& status) {
  start_log(command.common);
  const Config config = command.common.load();
  const auto overrides = command.common.overrides();
  RunOptions options;
  options.max_members = command.max_members;
  options.max_duration = duration_option(command.max_duration, "--max-duration");
  options.progress = progress_mode(command);
  options.retry = retry;

  std::vector<Job> jobs;  // all are checked before the first one runs
  for (const std::string& argument : command.jobs) jobs.push_back(load_job(argument, config, overrides));
  if (command.has_csv) jobs.push_back(job_from_options(command.job, overrides));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (jobs[i].name == jobs[j].name)
        throw Error(Exit::usage, fmt::format("two jobs are called {}", excerpt(jobs[i].name)));
    }
  }

  std::vector<RunReport> reports;
  for (const Job& job : jobs) {
    try {
      reports.push_back(run_job(config, job, options));
    } catch (const Error& error) {
      if (command.common.json) {
        RunReport failed;
        failed.job = job.name;
        failed.exit = error.exit();
        failed.stopped_by = "error";
        failed.message = excerpt(error.what());
        reports.push_back(std::move(failed));
        print_result(run_reports_json(reports, error.exit()));
      }
      throw;
    }
    status.code = worst(status.code, reports.back().exit);
    if (!command.common.json) print_result(run_report_text(reports.back()));
    // What ends one run for reasons that are not the job's would end the next one too.
    const Exit exit = reports.back().exit;
    if (exit != Exit::ok && exit != Exit::incomplete && reports.back().stopped_by != "busy") break;
  }
  if (command.common.json) print_result(run_reports_json(reports, status.code));
}

void add_limits(CLI::App& app, RunCommand& command) {
  app.add_option("--max-members", command.max_members, "Settle so many members, then stop (exit 75): a canary")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000'000}));
  app.add_option("--max-duration", command.max_duration, "Stop after this time (exit 75), e.g. 50m")->type_name("TIME");
  app.add_option("--progress", command.progress, "Show how it goes, on standard error")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

}  // namespace

void add_run_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<RunCommand>();
  CLI::App* run = app.add_subcommand("run", "Load what is new, send what is due, stop when settled");
  run->add_option("JOB", command->jobs, "Jobs: names of files in jobs/, or paths");
  add_list_options(*run, command->job);
  add_limits(*run, *command);
  add_common_options(*run, command->common);
  run->footer("Example: convoke run members --max-members 100\n         convoke run --csv members.csv --course 42");
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
  retry->add_option("JOB", command->jobs, "The job")->required()->expected(1);
  retry->add_option("--outcome", command->outcomes, "Whose turn it is again, comma-separated")
      ->type_name("OUTCOME,…")
      ->capture_default_str();
  add_limits(*retry, *command);
  add_common_options(*retry, command->common);
  retry->footer("Example: convoke retry members --outcome failed");
  retry->callback([command, &status] {
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
