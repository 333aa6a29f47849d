// `convoke status`: where jobs stand, from the ledger alone.
#include "cli/known_job.h"
#include "cli/options.h"
#include "ledger/job_lock.h"
#include "ledger/read_ledger.h"
#include "report/status_report.h"

namespace convoke {
namespace {

struct StatusCommand {
  CommonOptions common;
  std::string job;
};

JobStatus status_of(Database& database, const KnownJob& known, const Outlook& outlook) {
  JobStatus job;
  job.name = known.name;
  job.origin = known.origin;
  job.books = books_of(database, known.id);
  job.calls_due = calls_due(database, known.id);
  job.forecast = outlook.forecast(job.calls_due);
  job.last_run = latest_run(database, known.id);
  job.last_verify = latest_run(database, known.id, Command::verify);
  job.is_running = JobLock::is_held(database.file(), known.id);
  job.troubles = troubles_of(database, known.id);
  if (!job.is_running) job.without_answer = asked_without_answer(database, known.id);
  return job;
}

LedgerStatus status_of(Database& database, std::optional<JobId> only, const Config& config) {
  LedgerStatus status;
  status.ledger = full_path(database.path());
  if (config.file) status.config = full_path(*config.file);
  const auto file = look_at_calls(database.file());
  database.read([&] {
    status.api = api_of(database);
    const Outlook outlook = outlook_of(database, file, {config.limits, config.api}, SystemClock());
    for (const KnownJob& job : known_jobs(database)) {
      if (!only || job.id == *only) status.jobs.push_back(status_of(database, job, outlook));
    }
    status.limits = outlook.limits;
  });
  return status;
}

Exit show_status(const StatusCommand& command) {
  const Config config = command.common.load({command.job});
  return read_ledger(config.ledger_path, [&](Database& database) {
    refuse_job_overrides(command.common.overrides());
    std::optional<JobId> only;
    if (!command.job.empty()) only = known_job(database, command.job, config, command.common).id;
    const LedgerStatus status = status_of(database, only, config);
    print_result(command.common.json ? status_json(status) : status_text(status));
    return Exit::ok;
  });
}

}  // namespace

void add_status_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<StatusCommand>();
  CLI::App* added = app.add_subcommand("status", "Where jobs stand, from the ledger alone");
  added->add_option("JOB", command->job, "One job; default: all");
  add_common_options(*added, command->common);
  added->footer("Example: convoke status members");
  added->callback([command, &status] { status.code = show_status(*command); });
}

}  // namespace convoke
