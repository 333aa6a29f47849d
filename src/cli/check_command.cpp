// `convoke check`: is all in order for a run? Calls nobody, changes nothing.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/numbers.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/run_job.h"
#include "ledger/jobs.h"
#include "ledger/ledger_api.h"
#include "ledger/run_log.h"
#include "net/tls_client.h"
#include "report/json.h"
#include "report/run_report.h"
#include "report/status_report.h"
#include "source/member_source.h"

namespace convoke {
namespace {

struct CheckCommand {
  CommonOptions common;
  std::vector<std::string> jobs;
  std::string max_age;
};

// One thing that was looked at.
struct Finding {
  std::string what;
  Exit exit = Exit::ok;
  std::string words;
  std::string hint;
};

class Check {
 public:
  /// Does `look`, which says how the thing is; what it throws is what is wrong with it.
  void look_at(std::string what, const std::function<std::string()>& look) {
    Finding finding;
    finding.what = std::move(what);
    try {
      finding.words = look();
    } catch (const Error& error) {
      finding.exit = error.exit();
      finding.words = error.what();
      finding.hint = error.hint();
    }
    if (exit_ == Exit::ok) exit_ = finding.exit;
    findings_.push_back(std::move(finding));
  }

  /// The first thing that is wrong decides, as it would end a run.
  Exit exit() const { return exit_; }
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  std::vector<Finding> findings_;
  Exit exit_ = Exit::ok;
};

std::string age_of_success(Database& database, const std::string& job, Duration most, const Clock& clock) {
  const auto id = find_job(database, job);
  const auto success = id ? last_success(database, *id) : std::nullopt;
  const std::string hint = "convoke status " + shell_word(job) + " --ledger " +
                           shell_word(std::filesystem::absolute(database.path()).string());
  if (!success) {
    const auto latest = id ? latest_run(database, *id) : std::nullopt;
    throw Error(Exit::incomplete,
                fmt::format("no run of this job has ended with 0 yet{}",
                            latest && latest->exit_code
                                ? fmt::format("; the last one ended with {} at {}{}{}", *latest->exit_code,
                                              latest->ended_at ? format_time(*latest->ended_at) : "",
                                              latest->message.empty() ? "" : ": ", latest->message)
                                : std::string()),
                {}, hint);
  }
  const Duration age = clock.wall() - *success;
  std::string words =
      fmt::format("the last run that ended with 0 was {} ago ({})", describe_duration(age), format_time(*success));
  if (age > most)
    throw Error(Exit::incomplete, fmt::format("{}, more than {}", words, format_duration(most)), {}, hint);
  return words;
}

// What the file beside the ledger makes of its limits; empty: nothing.
std::string remark_on_calls(Database& database, const Config& config) {
  const auto file = look_at_calls(database.file());
  std::string remark;
  database.read([&] {
    const CallsKnown known = calls_known(calls_begun(database), file);
    if (known == CallsKnown::fewer)
      remark = ", restored from a backup: it has forgotten calls, which the next run counts in the limits";
    const auto uses = limits_now(database, file, config.limits, config.api.timeout, SystemClock()).use;
    if (std::any_of(uses.begin(), uses.end(), [](const LimitUse& use) { return use.unknown_for > Duration::zero(); }))
      remark = ", copied or moved without its -calls file: what is used of the limits is not known (convoke status)";
  });
  return remark;
}

void look_at_job(Check& check, const Config& config, const Job& job, std::optional<Duration> max_age) {
  check.look_at("list", [&] {
    // What can be read once only is for the run to read.
    const std::string path = describe_source(job.source);
    std::error_code none;
    const bool is_there = std::filesystem::exists(path, none);
    if (path == "standard input" || (is_there && !std::filesystem::is_regular_file(path, none)))
      return path + ": not looked at, it can be read by the run only";
    const auto source = open_source(job.source);
    return fmt::format("{}: readable, with the column it needs", describe_source(job.source));
  });
  const bool has_ledger = std::filesystem::exists(config.ledger_path);
  check.look_at("ledger", [&] {
    if (!has_ledger) return fmt::format("{}: the first run makes it", config.ledger_path.string());
    Database database = Database::open_to_read(config.ledger_path);
    check_api(database, config.api.base_url);
    const std::string sound = database.handle().execAndGet("PRAGMA quick_check(1)").getString();
    if (sound != "ok")
      throw Error(Exit::disk, "is damaged: " + sound, config.ledger_path.string(), "see docs/ledger.md on backups");
    if (const auto id = find_job(database, job.name)) check_origin(database, *id, job.name, origin_of(job));
    return config.ledger_path.string() + remark_on_calls(database, config);
  });
  if (!max_age) return;
  check.look_at("last success", [&] {
    if (!has_ledger) throw Error(Exit::incomplete, "no run of this job has ended with 0 yet");
    Database database = Database::open_to_read(config.ledger_path);
    return age_of_success(database, job.name, *max_age, SystemClock());
  });
}

std::string check_text(const Check& check, bool is_quiet) {
  std::string text;
  for (const Finding& finding : check.findings()) {
    if (is_quiet && finding.exit == Exit::ok) continue;
    text += fmt::format("{:<6} {:<14} {}\n", finding.exit == Exit::ok ? "ok" : "wrong", finding.what,
                        excerpt(finding.words, 500));
    if (!finding.hint.empty()) text += fmt::format("       try: {}\n", excerpt(finding.hint, 500));
  }
  return text;
}

std::string check_json(const Check& check) {
  std::string list;
  for (const Finding& finding : check.findings()) {
    append_element(list, JsonObject()
                             .add("what", finding.what)
                             .add("exit_code", static_cast<int>(finding.exit))
                             .add("message", excerpt(finding.words, 500))
                             .text());
  }
  return JsonObject().add("exit_code", static_cast<int>(check.exit())).add_raw("checks", "[" + list + "]").text() +
         "\n";
}

Exit run(const CheckCommand& command) {
  const auto max_age = parse_duration(command.max_age);
  if (!command.max_age.empty() && command.jobs.empty())
    throw Error(Exit::usage, "no job", "check --max-age", "name it, as in: convoke check members --max-age 24h");
  if (!command.max_age.empty() && !max_age)
    throw Error(Exit::usage, fmt::format("not a span of time: {}", excerpt(command.max_age)), "--max-age",
                "such as 24h");
  start_log(command.common);
  Check check;
  const Config config = command.common.load(command.jobs);
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
    return std::string("there is one");
  });
  for (const std::string& argument : command.jobs) {
    std::optional<Job> job;
    check.look_at("job", [&] {
      job = load_job(argument, config, command.common.overrides());
      return fmt::format("{}, of {}", job->name, job->file.string());
    });
    if (job) look_at_job(check, config, *job, max_age);
  }
  print_result(command.common.json ? check_json(check) : check_text(check, command.common.quiet));
  return check.exit();
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
