#include "cli/run_job.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <filesystem>
#include <random>
#include <stop_token>
#include <thread>

#include "base/numbers.h"
#include "base/text.h"
#include "cli/job_source.h"
#include "cli/network_loop.h"
#include "cli/options.h"
#include "ledger/job_lock.h"
#include "ledger/jobs.h"
#include "ledger/ledger_api.h"
#include "ledger/run_record.h"
#include "ledger/troubles.h"
#include "net/http_transport.h"
#include "run/job_run.h"
#include "run/outlook.h"
#include "sandbox/server.h"
#include "source/fingerprint.h"
#include "source/member_source.h"

namespace convoke {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// The thread that owns the ledger while a run sends. It goes before the run does: what it was still asked to do is
// done.
class LedgerThread {
 public:
  explicit LedgerThread(asio::io_context& context)
      : work_(asio::make_work_guard(context)), thread_([&context] { context.run(); }) {}
  ~LedgerThread() {
    work_.reset();
    thread_.join();
  }
  LedgerThread(const LedgerThread&) = delete;
  LedgerThread& operator=(const LedgerThread&) = delete;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

// The refusal of a second process names the first and how far it is.
RunReport busy_report(Database& database, JobId job, RunReport report) {
  report.exit = Exit::try_later;
  report.end.by = StoppedBy::busy;
  report.end.message = "another process is running this job";
  report.list.unread_why = "not read";
  database.read([&] {
    if (const auto holder = latest_run(database, job)) {
      report.end.message = fmt::format("process {} is running this job since {}: {} settled in {}", holder->pid,
                                       format_time(holder->started_at), counted(holder->counts.handled(), "member"),
                                       counted(holder->counts.calls, "call"));
    }
    report.books = books_of(database, job);
  });
  return report;
}

// A line that says how the run stands, now and then.
class Ticker {
 public:
  Ticker(asio::io_context& loop, const JobRun& run, ShowProgress how) : run_(run), how_(how), timer_(loop) {
    if (how_ == ShowProgress::line || how_ == ShowProgress::log) wait();
  }
  void stop() {
    timer_.cancel();
    if (how_ == ShowProgress::line) std::fputs("\r\x1b[2K", stderr);
  }

 private:
  void wait() {
    timer_.expires_after(how_ == ShowProgress::line ? 200ms : 30'000ms);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      show();
      wait();
    });
  }

  void show() {
    const Progress progress = run_.progress();
    const std::string line = progress_line(progress, progress.elapsed);
    if (how_ == ShowProgress::line) {
      std::fputs(("\r\x1b[2K" + line).c_str(), stderr);  // never throws, unlike fmt::print
      std::fflush(stderr);
    } else {
      spdlog::log(spdlog::level::warn, "{}", line);
    }
  }

  const JobRun& run_;
  ShowProgress how_;
  asio::steady_timer timer_;
};

Finished run_on(asio::io_context& loop, JobRun& run, ShowProgress progress) {
  std::exception_ptr error;
  Finished finished;
  Ticker ticker(loop, run, progress);
  auto on_end = [&](std::exception_ptr failure, Finished what) {
    error = failure;
    finished = std::move(what);
    ticker.stop();
    loop.stop();  // no name that is still being looked up, say, is waited for
  };
  asio::co_spawn(loop, run.run(), std::move(on_end));
  loop.run();
  if (error) std::rethrow_exception(error);
  return finished;
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
  settings.send.invite = job.invite;
  settings.send.calls = to.api;
  settings.send.retry = config.retry;
  settings.send.limits = to.limits;
  settings.send.run = config.run;
  settings.send.keep_profile = config.keep_profile ? KeepProfile::yes : KeepProfile::no;
  settings.send.max_members = options.max_members;
  settings.base_url = to.address;
  settings.url = to.api.base_url;
  settings.way = way_of(to.api.proxy);
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
  const auto warn = [](const std::string& text) { spdlog::warn("{}", text); };
  Database database = Database::open(to.ledger, Durability::full, {interruption.token(), warn});
  check_api(database, to.address);
  const JobId id = job_id(database, job.name);
  const auto lock = JobLock::take(database.file(), id);
  if (!lock) return busy_report(database, id, std::move(report));
  prepare(database, id, to, config, job);

  settings.send.max_duration = interruption.left();
  JobSource source(job.source, interruption.token(), options.progress);
  MemberList list(source, job.target, interruption.token());
  NetworkLoop network;
  HttpTransport transport(network.context().get_executor(), system, std::move(to.api));
  SystemAlarms alarms(system);
  asio::io_context ledger_loop{1};
  const Outside outside{transport,
                        system,
                        alarms,
                        network.context().get_executor(),
                        ledger_loop.get_executor(),
                        std::random_device{}(),
                        warn,
                        interruption.token(),
                        [&interruption] { return interruption.reason(); }};
  JobRun run(database, id, list, std::move(settings), outside);
  report.run = run.id();
  {
    const LedgerThread ledger_thread(ledger_loop);
    add_finish(report, run_on(network.context(), run, options.progress), options);
  }
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
  Destination to{config.api, config.api.base_url, config.limits, config.ledger_path, Rehearse::no};
  try {
    to.api.key = load_key(config.key, environment_variable, key_command_patience, interruption.token());
  } catch (const ReadingStopped&) {
    throw Error(Exit::try_later, interruption.reason().message + " while the API key was fetched", config.key.where);
  }
  return run_against(std::move(to), config, job, options, interruption);
}

}  // namespace convoke
