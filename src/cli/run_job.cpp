#include "cli/run_job.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <thread>

#include "base/numbers.h"
#include "base/text.h"
#include "cli/job_source.h"
#include "cli/options.h"
#include "cli/run_loop.h"
#include "ledger/job_lock.h"
#include "ledger/jobs.h"
#include "ledger/ledger_api.h"
#include "ledger/run_record.h"
#include "ledger/troubles.h"
#include "run/job_run.h"
#include "run/outlook.h"
#include "sandbox/server.h"
#include "source/fingerprint.h"
#include "source/member_source.h"

namespace convoke {
namespace {

RunReport busy_report(Database& database, JobId job, RunReport report) {
  report.exit = Exit::try_later;
  report.end = busy_end(database, job);
  report.list.unread_why = "not read";
  report.books = database.read([&] { return books_of(database, job); });
  return report;
}

// The API's stand-in for a rehearsal, on a thread of its own.
class RehearsalSandbox {
 public:
  RehearsalSandbox() : server_({.listen = "127.0.0.1:0"}, sandbox_, clock_), thread_([this] { server_.run(); }) {}
  ~RehearsalSandbox() {
    server_.stop();
    thread_.join();
  }
  RehearsalSandbox(const RehearsalSandbox&) = delete;
  RehearsalSandbox& operator=(const RehearsalSandbox&) = delete;

  std::string url() const { return server_.url(); }

 private:
  SystemClock clock_;
  Sandbox sandbox_{SandboxSettings{}};
  SandboxServer server_;
  std::thread thread_;
};

// Where a run goes, and what holds there.
struct Destination {
  ApiSettings api;
  std::string address;  // by which the ledger knows it
  LimitSettings limits;
  std::filesystem::path ledger;
  Rehearse rehearse = Rehearse::no;
};

JobRunSettings settings_of(const Destination& to, const Config& config, const Job& job, const RunOptions& options) {
  JobRunSettings settings;
  static_cast<SendingSettings&>(settings) = sending_settings(config, to.api, job.invite);
  settings.send.limits = to.limits;
  settings.send.max_members = options.max_members;
  settings.base_url = to.address;
  // Whatever the courses are: a rehearsal's sandbox has them all.
  if (to.rehearse == Rehearse::yes) settings.send.invite.check = false;
  settings.assume_used = options.assume_used;
  settings.brakes = {job.list_rules, options.accept_shrunk, describe_source(job.source)};
  settings.retry = options.retry;
  return settings;
}

// What is known before the run begins.
RunReport report_of(const Destination& to, const Config& config, const Job& job) {
  RunReport report;
  report.job = job.name;
  report.place.base_url = to.address;
  report.place.way = way_of(to.api.proxy);
  report.place.has_config = config.file.has_value();
  report.place.ledger = full_path(to.ledger);
  report.place.is_ledger_new = !std::filesystem::exists(to.ledger);
  report.list.ignores_invalid = job.list_rules.ignore_invalid;
  report.place.is_rehearsal = to.rehearse == Rehearse::yes;
  return report;
}

// What the ledger must know of the job before its run; it is locked.
void prepare(Database& database, JobId id, const Destination& to, const Config& config, const Job& job) {
  if (to.rehearse == Rehearse::yes) start_rehearsal(database, id);
  if (!api_of(database).base_url && has_answers(database)) {
    // Of an older convoke, which did not keep it.
    spdlog::warn("this ledger does not say which API its answers are of: once {} answers, it belongs to that",
                 to.address);
  }
  keep_origin(database, id, job.name, origin_of(job));
  if (config.keep_profile) show_profiles(database);
}

void add_finish(RunReport& report, const Finished& finished, const RunOptions& options) {
  report.exit = finished.exit;
  report.list.reading = finished.reading;
  if (finished.was_reading_stopped) {
    report.list.unread_why = "of the last reading; this one was stopped";
  } else if (!finished.reading) {
    report.list.unread_why = "unchanged since the last run, not read again";
  }
  if (!options.retry.empty() && !finished.was_reading_stopped) report.list.retried = finished.retried;
  report.end = finished.end;
}

RunReport run_against(Destination to, const Config& config, const Job& job, const RunOptions& options,
                      const Interruption& interruption) {
  const SystemClock system;
  const Instant started = system.now();
  spdlog::info("calls go to {}{}", excerpt(to.address), way_of(to.api.proxy));
  JobRunSettings settings = settings_of(to, config, job, options);
  // What is wrong with the source is said before the ledger is touched.
  settings.fingerprint = run_fingerprint(job);

  RunReport report = report_of(to, config, job);
  Database database = open_to_send(to.ledger, to.address, interruption);
  const JobId id = job_id(database, job.name);
  const auto lock = JobLock::take(database.file(), id);
  if (!lock) return busy_report(database, id, std::move(report));
  prepare(database, id, to, config, job);

  settings.send.max_duration = interruption.left();
  JobSource source(job.source, interruption.token(), options.progress);
  MemberList list(source, job.target, interruption.token());
  RunLoop loop(std::move(to.api), interruption);
  JobRun run(database, id, list, std::move(settings), loop.outside());
  report.run = run.id();
  const auto line = [&run] { return progress_line(run.progress(), run.progress().elapsed); };
  add_finish(report, loop.end_of(run, options.progress, line), options);
  report.counts = run.counts();
  report.books = books_of(database, id);
  report.troubles = troubles_of(database, id);
  report.took = system.now() - started;
  return report;
}

// No key leaves for a rehearsal, and no limit of the API's holds for it.
RunReport rehearse(const Config& config, const Job& job, const RunOptions& options, const Interruption& interruption) {
  const RehearsalSandbox sandbox;
  Destination to;
  to.api = config.api;
  to.address = rehearsal_api;
  to.ledger = rehearsal_ledger(config.ledger_path);
  to.rehearse = Rehearse::yes;
  to.api.base_url = sandbox.url();
  to.api.proxy.reset();
  to.api.key = "rehearsal";
  to.limits.calls.clear();
  RunReport report = run_against(std::move(to), config, job, options, interruption);
  if (!report.is_whole()) return report;
  report.in_earnest = outlook_of_new_ledger({config.limits, config.api}).forecast(report.counts.calls);
  return report;
}

}  // namespace

Database open_to_send(const std::filesystem::path& ledger, const std::string& address,
                      const Interruption& interruption) {
  const auto warn = [](const std::string& text) { spdlog::warn("{}", text); };
  Database database = Database::open(ledger, Durability::full, {interruption.token(), warn});
  check_api(database, address);
  return database;
}

RunEnd busy_end(Database& database, JobId job) {
  RunEnd end{StoppedBy::busy, "another process is running this job"};
  database.read([&] {
    const auto holder = run_under_way(database, job);
    if (!holder) return;
    const std::string what =
        holder->command == "run"
            ? fmt::format("running this job since {}: {} settled in {}", format_time(holder->started_at),
                          counted(holder->counts.handled(), "member"), counted(holder->counts.calls, "call"))
            : fmt::format("at work on this job ({}) since {}: {}", holder->command, format_time(holder->started_at),
                          counted(holder->counts.calls, "call"));
    end.message = fmt::format("process {} is {}", holder->pid, what);
  });
  return end;
}

SendingSettings sending_settings(const Config& config, const ApiSettings& api, const InviteSettings& invite) {
  SendingSettings settings;
  settings.send.invite = invite;
  settings.send.calls = api;
  settings.send.retry = config.retry;
  settings.send.limits = config.limits;
  settings.send.run = config.run;
  settings.send.keep_profile = config.keep_profile ? KeepProfile::yes : KeepProfile::no;
  settings.base_url = api.base_url;
  settings.url = api.base_url;
  settings.way = way_of(api.proxy);
  return settings;
}

ApiSettings api_with_key(const Config& config, const Interruption& interruption) {
  ApiSettings api = config.api;
  try {
    api.key = load_key(config.key, environment_variable, key_command_patience, interruption.token());
  } catch (const ReadingStopped&) {
    throw Error(Exit::try_later, interruption.reason().message + " while the API key was fetched", config.key.where);
  }
  return api;
}

std::filesystem::path rehearsal_ledger(const std::filesystem::path& ledger) {
  return ledger.parent_path() / (ledger.stem().string() + "-rehearsal" + ledger.extension().string());
}

std::string run_fingerprint(const Job& job) {
  std::vector<std::string> terms = {std::to_string(job.list_rules.min_rows), job.target.id.value_or("")};
  if (job.target.kind != TargetKind::course) terms.emplace_back(name_of(job.target.kind));
  return fingerprint_of(job.source, terms);
}

std::string origin_of(const Job& job) {
  if (!job.file.empty()) return full_path(job.file);
  std::string source = describe_source(job.source);
  const auto* csv = std::get_if<CsvSettings>(&job.source);
  if (csv != nullptr && csv->path == "-") return source;
  return full_path(source);
}

RunReport run_job(const Config& config, const Job& job, const RunOptions& options, const Interruption& interruption) {
  if (options.rehearse == Rehearse::yes) return rehearse(config, job, options, interruption);
  Destination to{api_with_key(config, interruption), config.api.base_url, config.limits, config.ledger_path,
                 Rehearse::no};
  return run_against(std::move(to), config, job, options, interruption);
}

}  // namespace convoke
