// `convoke plan`: the same reading and checking as `run`, and what it would send. Sends nothing, changes nothing.
#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "cli/options.h"
#include "cli/source_rows.h"
#include "ledger/intake.h"
#include "report/json.h"
#include "report/numbers.h"
#include "report/status_report.h"
#include "source/fingerprint.h"
#include "source/member_source.h"

namespace convoke {
namespace {

constexpr std::size_t invalid_rows_shown = 5;

struct PlanCommand {
  CommonOptions common;
  std::vector<std::string> jobs;
  JobOptions job;
  bool has_csv = false;
};

struct InvalidRow {
  std::uint64_t line;
  std::string value;
  std::string reason;
};

struct Plan {
  std::string job;
  Reading reading;
  std::vector<InvalidRow> invalid;  // the first few
  std::int64_t due_members = 0;     // pending before, less withdrawn, plus added and revived
  std::int64_t calls = 0;
  Forecast forecast;
  LimitsNow limits;
};

Plan plan_of(const Config& config, const Job& job) {
  Plan plan;
  plan.job = job.name;
  const SystemClock clock;
  std::optional<Database> database;
  std::optional<JobId> id;
  if (std::filesystem::exists(config.ledger_path)) {
    database = Database::open_to_read(config.ledger_path);
    id = find_job(*database, job.name);
  }
  const ReadSource rows = rows_of(job);
  const ReadSource watched = [&](const TakeRow& take) {
    rows([&](const IntakeRow& row) {
      if (!row.member && plan.invalid.size() < invalid_rows_shown) {
        plan.invalid.push_back({row.line, excerpt(row.value, 60), std::string(row.reason)});
      }
      take(row);
    });
  };
  const auto look = [&] {
    plan.reading = survey(database ? &*database : nullptr, id, watched, job.invite.chunk_size,
                          std::filesystem::absolute(config.ledger_path).parent_path());
    std::int64_t pending_chunks = 0;
    Duration latency = std::chrono::milliseconds(300);
    if (database) {
      plan.limits = limits_now(*database, config.limits, clock);
      latency = usual_latency(*database);
    } else {
      plan.limits.now = LedgerTime(std::chrono::hours(24 * 365));  // any time: nothing was sent yet
      plan.limits.use = RateLimiter(config.limits, plan.limits.slots).use(plan.limits.now);
    }
    if (id) {
      plan.due_members = books_of(*database, *id).of(Outcome::pending);
      SQLite::Statement due(database->handle(), "SELECT count(*) FROM chunk WHERE job_id = ? AND outcome = 'pending'");
      due.bind(1, *id);
      due.executeStep();
      pending_chunks = due.getColumn(0).getInt64();
    }
    plan.due_members += plan.reading.added + plan.reading.revived - plan.reading.withdrawn;
    plan.calls = pending_chunks + plan.reading.chunks;
    plan.forecast =
        forecast(config.limits, plan.limits.slots, plan.limits.now, plan.calls, latency, config.api.connections);
  };
  if (database) {
    database->read(look);
  } else {
    look();
  }
  return plan;
}

std::string plan_text(const Plan& plan) {
  std::string text = fmt::format("{}: a plan, nothing is sent\n", plan.job);
  const auto line = [&text](auto&&... parts) { text += table_line(parts...); };
  line("rows read", plan.reading.rows);
  line("  invalid", plan.reading.invalid);
  for (const InvalidRow& row : plan.invalid)
    text += fmt::format("      line {}: {}: '{}'\n", row.line, row.reason, row.value);
  if (plan.reading.invalid > static_cast<std::int64_t>(plan.invalid.size())) text += "      and more\n";
  line("  duplicates", plan.reading.duplicates);
  line("  members", plan.reading.members);
  line("new members", plan.reading.added);
  if (plan.reading.revived > 0) line("back again", plan.reading.revived, "they were withdrawn");
  if (plan.reading.withdrawn > 0)
    line("withdrawn", plan.reading.withdrawn, "due until now, and no longer in the source");
  line("would be sent", plan.due_members,
       fmt::format("in {} calls or a few more; {}", grouped(plan.calls), forecast_text(plan.forecast)));
  return text + limits_text(plan.limits.use, plan.limits.next_call);
}

std::string plan_json(const Plan& plan) {
  std::string invalid;
  for (const InvalidRow& row : plan.invalid) {
    append_element(invalid,
                   JsonObject().add("source_line", row.line).add("value", row.value).add("reason", row.reason).text());
  }
  JsonObject json;
  json.add("job", plan.job).add("rows_read", plan.reading.rows).add("invalid", plan.reading.invalid);
  json.add("duplicates", plan.reading.duplicates).add("members", plan.reading.members).add("new", plan.reading.added);
  json.add("revived", plan.reading.revived).add("withdrawn", plan.reading.withdrawn).add("due", plan.due_members);
  json.add("calls", plan.calls).add_raw("invalid_rows", "[" + invalid + "]");
  json.add_raw("forecast", forecast_json(plan.forecast))
      .add_raw("quota", limits_json(plan.limits.use, plan.limits.next_call));
  return json.text();
}

}  // namespace

void add_plan_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<PlanCommand>();
  CLI::App* plan = app.add_subcommand("plan", "Read and check as run does, say what it would send; send nothing");
  plan->add_option("JOB", command->jobs, "Jobs: names of files in jobs/, or paths");
  add_list_options(*plan, command->job);
  add_common_options(*plan, command->common);
  plan->footer("Example: convoke plan members");
  plan->callback([command, plan, &status] {
    command->has_csv = plan->count("--csv") > 0;
    if (command->jobs.empty() && !command->has_csv)
      throw Error(Exit::usage, "no job", "plan", "name one, as in: convoke plan members");
    start_log(command->common);
    const Config config = command->common.load();
    std::vector<Job> jobs;
    for (const std::string& argument : command->jobs)
      jobs.push_back(load_job(argument, config, command->common.overrides()));
    if (command->has_csv) jobs.push_back(job_from_options(command->job, command->common.overrides()));
    std::string plans;
    for (const Job& job : jobs) {
      const Plan made = plan_of(config, job);
      if (made.reading.invalid > 0) status.code = Exit::incomplete;
      if (!command->common.json) print_result(plan_text(made));
      append_element(plans, plan_json(made));
    }
    if (command->common.json) print_result("{\"plans\":[" + plans + "]}\n");
  });
}

}  // namespace convoke
