// `convoke check`: is all in order for a run? Calls nobody, changes nothing.
#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "cli/options.h"
#include "cli/run_job.h"
#include "ledger/jobs.h"
#include "ledger/ledger_api.h"
#include "ledger/read_ledger.h"
#include "ledger/run_record.h"
#include "net/tls_client.h"
#include "report/check_report.h"
#include "source/member_source.h"

namespace convoke {
namespace {

struct CheckCommand {
  CommonOptions common;
  std::vector<std::string> jobs;
  std::string max_age;
};

class Check {
 public:
  /// Does `look`, which says how the thing is; what it throws is what is wrong with it.
  template <class Look>
  void look_at(const char* what, Look&& look) {
    Finding finding{what, Exit::ok, {}, {}};
    try {
      finding.words = look();
    } catch (const std::exception& failure) {
      const Error error = as_error(failure);
      finding.exit = error.exit();
      finding.words = error.what();
      finding.hint = error.hint();
    }
    findings_.push_back(std::move(finding));
  }

  const std::vector<Finding>& findings() const { return findings_; }

 private:
  std::vector<Finding> findings_;
};

std::string look_at_list(const Job& job) {
  // What can be read once only is for the run to read.
  const std::string path = describe_source(job.source);
  std::error_code none;
  const bool is_there = std::filesystem::exists(path, none);
  if (path == "standard input" || (is_there && !std::filesystem::is_regular_file(path, none)))
    return path + ": not looked at, it can be read by the run only";
  const auto source = open_source(job.source);
  return path + ": readable, with the column it needs";
}

std::string look_at_ledger(const Job& job, const Config& config) {
  const std::string path = config.ledger_path.string();
  if (!std::filesystem::exists(config.ledger_path)) return path + ": the first run makes it";
  return read_ledger(config.ledger_path, [&](Database& database) {
    check_api(database, config.api.base_url);
    check_sound(database);
    if (const auto id = find_job(database, job.name)) check_origin(database, *id, job.name, origin_of(job));
    const auto file = look_at_calls(database.file());
    return path + database.read([&] {
      return remark_on_calls(outlook_of(database, file, {config.limits, config.api}, SystemClock()).limits);
    });
  });
}

std::string look_at_success(const Job& job, const Config& config, Duration max_age) {
  if (!std::filesystem::exists(config.ledger_path)) throw Error(Exit::incomplete, no_success_words({}));
  return read_ledger(config.ledger_path, [&](Database& database) {
    const std::string hint = "convoke status " + shell_word(job.name) + " --ledger " +
                             shell_word(std::filesystem::absolute(database.path()).string());
    const auto id = find_job(database, job.name);
    const auto success = id ? last_success(database, *id) : std::nullopt;
    if (!success) {
      const auto latest = id ? latest_run(database, *id) : std::nullopt;
      throw Error(Exit::incomplete, no_success_words(latest), {}, hint);
    }
    const Duration age = SystemClock().wall() - *success;
    const std::string words = success_words(*success, age);
    if (age > max_age)
      throw Error(Exit::incomplete, fmt::format("{}, more than {}", words, format_duration(max_age)), {}, hint);
    return words;
  });
}

void look_at_config(Check& check, const Config& config) {
  check.look_at("config", [&] { return config.file ? config.file->string() : std::string("none: all is default"); });
  check.look_at("address", [&] {
    return config.api.base_url + way_of(config.api.proxy) + " (not asked: whether it answers, a run will show)";
  });
  check.look_at("certificates", [&] {
    check_certificates(config.api);
    return config.api.ca_file.value_or("the system's");
  });
  check.look_at("key", [&] {
    load_key(config.key, environment_variable);
    return "there is one";
  });
}

void look_at_job(Check& check, const CheckCommand& command, const Config& config, const std::string& argument,
                 std::optional<Duration> max_age) {
  std::optional<Job> job;
  check.look_at("job", [&] {
    job = load_job(argument, config, command.common.overrides());
    return fmt::format("{}, of {}", job->name, job->file.string());
  });
  if (!job) return;
  check.look_at("list", [&] { return look_at_list(*job); });
  check.look_at("ledger", [&] { return look_at_ledger(*job, config); });
  if (max_age) check.look_at("last success", [&] { return look_at_success(*job, config, *max_age); });
}

Exit run(const CheckCommand& command) {
  const auto max_age = parse_duration(command.max_age);
  if (!command.max_age.empty() && command.jobs.empty())
    throw Error(Exit::usage, "no job", "check --max-age", "name it, as in: convoke check members --max-age 24h");
  if (!command.max_age.empty() && !max_age)
    throw Error(Exit::usage, fmt::format("not a span of time: {}", excerpt(command.max_age)), "--max-age",
                "such as 24h");
  start_log(command.common);
  const Config config = command.common.load(command.jobs);
  Check check;
  look_at_config(check, config);
  for (const std::string& argument : command.jobs) look_at_job(check, command, config, argument, max_age);
  const auto& findings = check.findings();
  print_result(command.common.json    ? check_json(findings)
               : command.common.quiet ? check_brief(findings)
                                      : check_text(findings));
  return first_wrong(findings);
}

}  // namespace

void add_check_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<CheckCommand>();
  CLI::App* check = app.add_subcommand("check", "Is all in order for a run, and how long ago did one end well");
  check->add_option("JOB", command->jobs, "Jobs: names of files in jobs/, or paths");
  check->add_option("--max-age", command->max_age, "Exit 1 if the last run that ended with 0 is older, e.g. 24h")
      ->type_name("TIME");
  add_common_options(*check, command->common);
  check->footer("Example: convoke check members --max-age 24h");
  check->callback([command, &status] { status.code = run(*command); });
}

}  // namespace convoke
