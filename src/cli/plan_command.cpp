// `convoke plan`: the same reading and checking as `run`, and what it would send. Sends nothing, changes nothing.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>

#include "base/text.h"
#include "cli/options.h"
#include "cli/run_job.h"
#include "cli/source_rows.h"
#include "ledger/books.h"
#include "ledger/intake.h"
#include "ledger/job_lock.h"
#include "ledger/jobs.h"
#include "ledger/ledger_api.h"
#include "net/tls_client.h"
#include "report/json.h"
#include "report/numbers.h"
#include "report/status_report.h"
#include "source/member_source.h"

namespace convoke {
namespace {

constexpr std::size_t invalid_rows_shown = 5;

struct PlanCommand {
  CommonOptions common;
  std::vector<std::string> jobs;
  JobOptions job;
  bool has_csv = false;
  bool accept_shrunk = false;
};

struct InvalidRow {
  std::uint64_t line;
  std::string value;
  Reason reason;
};

struct Plan {
  std::string job;
  std::string base_url;
  std::string way;     // there
  std::string course;  // empty: each row names its own
  InviteSettings invite;
  std::string no_key;  // why there is no key; empty: there is one
  std::string ledger;
  bool is_ledger_new = false;
  Survey survey;
  Books books;                      // as the ledger has them
  std::vector<InvalidRow> invalid;  // the first few
  std::int64_t invalid_rows = 0;
  bool ignores_invalid = false;
  std::int64_t without_answer = 0;  // members asked for in calls that nobody answered for
  Forecast forecast;
  LimitsNow limits;
};

std::string why_no_key(const Config& config) {
  try {
    load_key(config.key, environment_variable);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

// What the ledger says of the job, and of how fast calls may go.
void look_into(Plan& plan, Database& database, const std::optional<CallsBegun>& file, std::optional<JobId> id,
               const Config& config, const Clock& clock) {
  plan.limits = limits_now(database, file, config.limits, config.api.timeout, clock);
  if (!id) return;
  plan.books = books_of(database, *id);
  plan.without_answer = JobLock::is_held(database.file(), *id) ? 0 : asked_without_answer(database, *id);
}

Plan plan_of(const Config& config, const Job& job, const PlanCommand& command) {
  check_certificates(config.api);
  Plan plan;
  plan.job = job.name;
  plan.base_url = config.api.base_url;
  plan.way = way_of(config.api.proxy);
  plan.course = job.course.value_or("");
  plan.invite = job.invite;
  plan.no_key = why_no_key(config);
  plan.ledger = std::filesystem::absolute(config.ledger_path).lexically_normal().string();
  plan.ignores_invalid = job.list_rules.ignore_invalid;
  const SystemClock clock;
  const std::string fingerprint = run_fingerprint(job);
  std::optional<Database> database;
  std::optional<JobId> id;
  plan.is_ledger_new = !std::filesystem::exists(config.ledger_path);
  if (!plan.is_ledger_new) {
    database.emplace(Database::open_to_read(config.ledger_path));
    check_api(*database, config.api.base_url);
    id = find_job(*database, job.name);
    if (id) check_origin(*database, *id, job.name, origin_of(job));
  }
  std::vector<std::string> remarks;
  const ReadSource rows = rows_of(job, {}, progress_of(command.common), remarks);
  ReadSource watched = [&](const TakeRow& take) {
    rows([&](const IntakeRow& row) {
      if (!row.member && plan.invalid.size() < invalid_rows_shown)
        plan.invalid.push_back({row.line, excerpt(row.value, 60), row.reason});
      take(row);
    });
  };
  SurveyTerms terms;
  terms.chunk_size = job.invite.chunk_size;
  terms.brakes = {job.list_rules.min_rows, command.accept_shrunk, describe_source(job.source)};
  terms.retry_failed = config.run.retry_failed;
  terms.hold_doubts = job.invite.on_doubt == OnDoubt::hold;
  const auto file = database ? look_at_calls(database->file()) : std::nullopt;
  const auto look = [&] {
    if (id && is_read(*database, *id, fingerprint)) watched = nullptr;
    plan.survey = survey(database ? &*database : nullptr, id, watched, terms,
                         std::filesystem::absolute(config.ledger_path).parent_path());
    Duration latency = std::chrono::milliseconds(300);
    if (database) {
      look_into(plan, *database, file, id, config, clock);
      latency = usual_latency(*database);
    } else {
      plan.limits.now = LedgerTime(std::chrono::hours(24 * 365));  // any time: nothing was sent yet
      plan.limits.use = RateLimiter(config.limits, plan.limits.slots).use(plan.limits.now);
    }
    plan.invalid_rows = plan.survey.reading ? plan.survey.reading->invalid : plan.books.invalid;
    plan.forecast =
        forecast(config.limits, plan.limits.slots, plan.limits.now, plan.survey.calls, latency, config.api.connections);
  };
  if (database) {
    database->read(look);
  } else {
    look();
  }
  for (const std::string& remark : remarks) spdlog::warn("{}", remark);
  return plan;
}

std::string_view on_doubt_words(OnDoubt on_doubt) {
  switch (on_doubt) {
    case OnDoubt::ask_again:
      return "ask-again: who may have been invited is asked for again";
    case OnDoubt::ask_quietly:
      return "ask-quietly: who may have been invited is asked for again, without e-mail";
    case OnDoubt::hold:
      return "hold: who may have been invited is left in_doubt";
  }
  return {};
}

std::string plan_text(const Plan& plan) {
  std::string text = fmt::format("{}: a plan, nothing is sent\n", excerpt(plan.job));
  const auto fact = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("  {:<18} {}\n", name, value);
  };
  fact("API", excerpt(plan.base_url) + plan.way);
  fact("course", plan.course.empty() ? "named by each row" : excerpt(plan.course));
  fact("e-mail", !plan.invite.email_notification   ? "as the API has it (email_notification is not set)"
                 : *plan.invite.email_notification ? "yes, to each invited member"
                                                   : "no");
  fact("on_doubt", on_doubt_words(plan.invite.on_doubt));
  fact("key", plan.no_key.empty() ? "there is one" : excerpt(plan.no_key, 300));
  fact("ledger", excerpt(plan.ledger, 500) + (plan.is_ledger_new ? " (would be new)" : ""));
  const auto line = [&text](auto&&... parts) { text += table_line(parts...); };
  const auto& reading = plan.survey.reading;
  line("rows read", reading ? reading->rows : plan.books.rows_read,
       reading ? "" : "unchanged since the last run, not read again");
  line("  invalid", plan.invalid_rows);
  for (const InvalidRow& row : plan.invalid)
    text += fmt::format("      line {}: {}: '{}'\n", row.line, words_of(row.reason).meaning, row.value);
  if (reading && reading->invalid > static_cast<std::int64_t>(plan.invalid.size())) text += "      and more\n";
  line("  duplicates", reading ? reading->duplicates : plan.books.duplicates);
  if (const auto mended = reading ? reading->mended : plan.books.mended; mended > 0)
    line("  mended", mended, "ids in braces, without dashes, or with invisible characters");
  line("  members", reading ? reading->members : plan.books.in_list());
  if (reading) {
    line("new members", reading->added);
    if (reading->revived > 0) line("back again", reading->revived, "they were withdrawn");
    if (reading->withdrawn > 0) line("withdrawn", reading->withdrawn, "due until now, and no longer in the list");
  }
  if (plan.without_answer > 0)
    line("without answer", plan.without_answer, "asked for in calls that convoke did not live to see answered");
  line("would be sent", plan.survey.due,
       fmt::format("in {}; {}", counted(plan.survey.calls, "call"), forecast_text(plan.forecast)));
  return text + limits_text(plan.limits.use, plan.limits.next_call, plan.limits.at);
}

std::string plan_json(const Plan& plan) {
  std::string invalid;
  for (const InvalidRow& row : plan.invalid) {
    append_element(
        invalid,
        JsonObject().add("source_line", row.line).add("value", row.value).add("reason", name_of(row.reason)).text());
  }
  const Reading reading = plan.survey.reading.value_or(Reading{});
  const bool is_read = plan.survey.reading.has_value();
  JsonObject json;
  json.add("job", plan.job).add("base_url", plan.base_url);
  json.add("course", plan.course.empty() ? std::nullopt : std::optional(plan.course));
  json.add_raw("email_notification", !plan.invite.email_notification   ? "null"
                                     : *plan.invite.email_notification ? "true"
                                                                       : "false");
  json.add("on_doubt", name_of(plan.invite.on_doubt)).add_raw("has_key", plan.no_key.empty() ? "true" : "false");
  json.add("ledger", plan.ledger).add_raw("source_read", is_read ? "true" : "false");
  json.add("rows_read", is_read ? reading.rows : plan.books.rows_read).add("invalid", plan.invalid_rows);
  json.add("duplicates", is_read ? reading.duplicates : plan.books.duplicates);
  json.add("mended", is_read ? reading.mended : plan.books.mended);
  json.add("members", is_read ? reading.members : plan.books.in_list()).add("new", reading.added);
  json.add("revived", reading.revived).add("withdrawn", reading.withdrawn).add("due", plan.survey.due);
  json.add("asked_without_answer", plan.without_answer);
  json.add("calls", plan.survey.calls).add_raw("invalid_rows", "[" + invalid + "]");
  json.add_raw("forecast", forecast_json(plan.forecast))
      .add_raw("quota", limits_json(plan.limits.use, plan.limits.next_call, plan.limits.at));
  return json.text();
}

}  // namespace

void add_plan_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<PlanCommand>();
  CLI::App* plan = app.add_subcommand("plan", "Read and check as run does, say what it would send; send nothing");
  plan->add_option("JOB", command->jobs, "Jobs: names of files in jobs/, or paths");
  add_list_options(*plan, command->job);
  plan->add_flag("--accept-shrunk", command->accept_shrunk,
                 "The list is right, though it would withdraw most of those who are due");
  add_common_options(*plan, command->common);
  plan->footer("Example: convoke plan members");
  plan->callback([command, plan, &status] {
    command->has_csv = plan->count("--csv") > 0;
    if (command->jobs.empty() && !command->has_csv)
      throw Error(Exit::usage, "no job", "plan", "name one, as in: convoke plan members");
    start_log(command->common);
    const Config config = command->common.load(command->jobs);
    std::string plans;
    // One that cannot be planned does not keep the others from it, as it does not keep them from running.
    const auto plan_one = [&](auto&& load) {
      try {
        const Plan made = plan_of(config, load(), *command);
        if (made.invalid_rows > 0 && !made.ignores_invalid) status.code = worst(status.code, Exit::incomplete);
        if (!command->common.json) print_result(plan_text(made));
        append_element(plans, plan_json(made));
      } catch (const Error& error) {
        print_error(error);
        status.code = worst(status.code, error.exit());
      }
    };
    const auto overrides = command->common.overrides();
    for (const std::string& argument : command->jobs) plan_one([&] { return load_job(argument, config, overrides); });
    if (command->has_csv) plan_one([&] { return job_from_options(command->job, overrides); });
    if (command->common.json) print_result("{\"plans\":[" + plans + "]}\n");
  });
}

}  // namespace convoke
