// `convoke plan`: the same reading and checking as `run`, and what it would send. Sends nothing, changes nothing.
#include <filesystem>

#include "base/numbers.h"
#include "base/text.h"
#include "cli/job_source.h"
#include "cli/options.h"
#include "cli/run_job.h"
#include "cli/run_loop.h"
#include "ledger/books.h"
#include "ledger/intake.h"
#include "ledger/job_lock.h"
#include "ledger/jobs.h"
#include "ledger/ledger_api.h"
#include "ledger/read_ledger.h"
#include "ledger/run_log.h"
#include "ledger/run_record.h"
#include "ledger/survey.h"
#include "net/tls_client.h"
#include "report/plan_report.h"
#include "run/course_look.h"
#include "run/job_run.h"
#include "source/member_source.h"

namespace convoke {
namespace {

struct PlanCommand {
  CommonOptions common;
  std::vector<std::string> jobs;
  JobOptions job;
  bool has_csv = false;
  bool accept_shrunk = false;
  bool check = false;
};

std::string why_no_key(const Config& config) {
  try {
    load_key(config.key, environment_variable);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

SurveyTerms terms_of(const Job& job, const PlanCommand& command, const Config& config) {
  SurveyTerms terms;
  terms.chunk_size = job.invite.chunk_size;
  terms.brakes = {job.list_rules, command.accept_shrunk, describe_source(job.source)};
  terms.retry_failed = config.run.retry_failed;
  terms.name_targets = command.check && job.target.kind == TargetKind::course;
  terms.hold_doubts = job.invite.on_doubt == OnDoubt::hold;
  return terms;
}

void add_outlook(Plan& plan, const Outlook& outlook) {
  plan.limits = outlook.limits;
  plan.forecast = outlook.forecast(plan.survey.calls);
}

Plan plan_of(const Config& config, const Job& job, const PlanCommand& command) {
  check_certificates(config.api);
  Plan plan;
  plan.job = job.name;
  plan.api = {config.api.base_url, way_of(config.api.proxy), why_no_key(config)};
  plan.target = job.target;
  plan.invite = job.invite;
  plan.ledger = full_path(config.ledger_path);
  plan.is_ledger_new = !std::filesystem::exists(config.ledger_path);
  const std::string fingerprint = run_fingerprint(job);
  const SurveyTerms terms = terms_of(job, command, config);
  const auto folder = std::filesystem::absolute(config.ledger_path).parent_path();
  JobSource source(job.source, {}, progress_of(command.common));
  MemberList list(source, job.target);
  const auto look = [&](Database* database, std::optional<JobId> id, const std::optional<CallsBegun>& file) {
    const bool is_known = id && is_read(*database, *id, fingerprint);
    plan.survey = is_known ? survey(*database, *id, terms, folder) : survey(database, id, list, terms, folder);
    add_outlook(plan, database ? outlook_of(*database, file, {config.limits, config.api}, SystemClock())
                               : outlook_of_new_ledger({config.limits, config.api}));
    if (!id) return;
    plan.books = books_of(*database, *id);
    plan.without_answer = JobLock::is_held(database->file(), *id) ? 0 : asked_without_answer(*database, *id);
  };
  if (plan.is_ledger_new) {
    look(nullptr, {}, {});
  } else {
    read_ledger(config.ledger_path, [&](Database& database) {
      check_api(database, config.api.base_url);
      const auto id = find_job(database, job.name);
      if (id) check_origin(database, *id, job.name, origin_of(job));
      const auto file = look_at_calls(database.file());
      database.read([&] { look(&database, id, file); });
    });
  }
  return plan;
}

// As they are once the API was asked.
void look_at_limits(Plan& plan, const Config& config) {
  if (!std::filesystem::exists(config.ledger_path)) return;
  plan.is_ledger_new = false;
  read_ledger(config.ledger_path, [&](Database& database) {
    const auto file = look_at_calls(database.file());
    database.read([&] { add_outlook(plan, outlook_of(database, file, {config.limits, config.api}, SystemClock())); });
  });
}

// Looks whether the courses are there, as a run of the job would: under its lock and the limits, in its ledger.
PlannedCheck check(const Config& config, const Job& job, const Plan& plan) {
  const Interruption interruption{std::nullopt};  // of this alone: what is read before ends at the first signal
  PlannedCheck check;
  check.is_of_courses = job.target.kind == TargetKind::course;
  if (!check.is_of_courses) return check;
  ApiSettings api = api_with_key(config, interruption);
  Database database = open_to_send(config.ledger_path, config.api.base_url, interruption);
  const JobId id = job_id(database, job.name);
  const auto lock = JobLock::take(database.file(), id);
  if (!lock) {
    check.exit = Exit::try_later;
    check.message = busy_end(database, id).message;
    return check;
  }
  keep_origin(database, id, job.name, origin_of(job));
  SendingSettings settings = sending_settings(config, api, job.invite);
  RunLoop loop(std::move(api), interruption);
  CourseCheck run(database, id, std::move(settings), plan.survey.targets, loop.outside());
  const auto line = [&run] { return counted(run.progress().counts.calls, "call"); };
  Looked looked = loop.end_of(run, ShowProgress::never, line);
  check.exit = exit_of(looked.end.by, {}, false);
  check.message = std::move(looked.end.message);
  check.is_interrupted = interruption.is_asked();
  check.courses = std::move(looked.courses);
  check.trouble = std::move(looked.trouble);
  return check;
}

Exit run(const PlanCommand& command) {
  if (command.jobs.empty() && !command.has_csv)
    throw Error(Exit::usage, "no job", "plan", "name one, as in: convoke plan members");
  start_log(command.common);
  const Config config = command.common.load(command.jobs);
  Exit exit = Exit::ok;
  std::vector<Plan> plans;
  // One that cannot be planned does not keep the others from it, as it does not keep them from running.
  bool is_over = false;
  const auto plan_one = [&](auto&& load) {
    if (is_over) return;
    try {
      const Job job = load();
      Plan plan = plan_of(config, job, command);
      if (command.check) {
        plan.check = at_ledger(config.ledger_path, [&] { return check(config, job, plan); });
        look_at_limits(plan, config);
        exit = worst(exit, plan.check->exit);
        is_over = plan.check->is_interrupted;
      }
      if (plan.list().invalid > 0 && !job.list_rules.ignore_invalid) exit = worst(exit, Exit::incomplete);
      if (!command.common.json) print_result(plan_text(plan));
      plans.push_back(plan);
    } catch (const Error& error) {
      print_error(error);
      exit = worst(exit, error.exit());
    }
  };
  const auto overrides = command.common.overrides();
  for (const std::string& argument : command.jobs) plan_one([&] { return load_job(argument, config, overrides); });
  if (command.has_csv) plan_one([&] { return job_from_options(command.job, overrides); });
  if (command.common.json) print_result(plans_json(plans));
  return exit;
}

}  // namespace

void add_plan_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<PlanCommand>();
  CLI::App* plan = app.add_subcommand("plan", "Read and check as run does, say what it would send; send nothing");
  plan->add_option("JOB", command->jobs, "Jobs: names of files in jobs/, or paths");
  add_list_options(*plan, command->job);
  plan->add_flag("--accept-shrunk", command->accept_shrunk,
                 "The list is right, though it would withdraw most of those who are due");
  plan->add_flag("--check", command->check, "Ask the API, too: is the key good, is the course there, and no Draft");
  add_common_options(*plan, command->common);
  plan->footer("Example: convoke plan members");
  plan->callback([command, plan, &status] {
    command->has_csv = plan->count("--csv") > 0;
    status.code = run(*command);
  });
}

}  // namespace convoke
