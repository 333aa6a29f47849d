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
#include "cli/network_loop.h"
#include "cli/options.h"
#include "cli/source_rows.h"
#include "ledger/job_lock.h"
#include "ledger/jobs.h"
#include "ledger/ledger_api.h"
#include "ledger/troubles.h"
#include "net/http_transport.h"
#include "run/job_run.h"
#include "sandbox/server.h"
#include "source/fingerprint.h"
#include "source/member_source.h"

namespace convoke {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// The thread that owns the ledger while a run sends.
class LedgerThread {
 public:
  LedgerThread() : work_(asio::make_work_guard(context_)), thread_([this] { context_.run(); }) {}
  ~LedgerThread() {
    work_.reset();
    thread_.join();
  }
  asio::any_io_executor executor() { return context_.get_executor(); }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

// The refusal of a second process names the first and how far it is.
RunReport busy_report(Database& database, JobId job, const std::string& name) {
  RunReport report;
  report.job = name;
  report.exit = Exit::try_later;
  report.stopped_by = "busy";
  report.message = "another process is running this job";
  report.unread_why = "not read";
  database.read([&] {
    if (const auto holder = latest_run(database, job)) {
      report.message = fmt::format("process {} is running this job since {}: {} settled in {}", holder->pid,
                                   format_time(holder->started_at), counted(holder->counts.handled(), "member"),
                                   counted(holder->counts.calls, "call"));
    }
    report.books = books_of(database, job);
  });
  return report;
}

void show_progress(const Runner& runner, ShowProgress how, Duration elapsed) {
  const std::string line = progress_line(runner.progress(), elapsed);
  if (how == ShowProgress::line) {
    std::fputs(("\r\x1b[2K" + line).c_str(), stderr);  // never throws, unlike fmt::print
    std::fflush(stderr);
  } else {
    spdlog::log(spdlog::level::warn, "{}", line);
  }
}

// A line that says how the run stands, now and then.
class Ticker {
 public:
  Ticker(asio::io_context& loop, const Runner& runner, ShowProgress how) : runner_(runner), how_(how), timer_(loop) {
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
      show_progress(runner_, how_, std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - started_));
      wait();
    });
  }

  const Runner& runner_;
  ShowProgress how_;
  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

RunEnd send_all(asio::io_context& loop, JobRun& run, ShowProgress progress) {
  std::exception_ptr error;
  RunEnd end;
  Ticker ticker(loop, run.runner(), progress);
  auto on_end = [&](std::exception_ptr failure, RunEnd ended) {
    error = failure;
    end = std::move(ended);
    ticker.stop();
    loop.stop();  // no name that is still being looked up, say, is waited for
  };
  asio::co_spawn(loop, run.send(), std::move(on_end));
  loop.run();
  if (error) std::rethrow_exception(error);
  return end;
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

JobRunSettings settings_of(const Config& config, const Job& job, const RunOptions& options) {
  JobRunSettings settings;
  settings.runner.invite = job.invite;
  settings.runner.retry = config.retry;
  settings.runner.max_failures = config.run.max_failures;
  settings.runner.keep_profile = config.keep_profile ? KeepProfile::yes : KeepProfile::no;
  settings.runner.connections = config.api.connections;
  settings.runner.call_timeout = config.api.timeout;
  settings.runner.max_members = options.max_members;
  settings.brakes = {job.list_rules.min_rows, options.accept_shrunk, describe_source(job.source)};
  settings.ignore_invalid = job.list_rules.ignore_invalid;
  settings.retry_failed = config.run.retry_failed;
  settings.retry = options.retry;
  settings.assume_used = options.assume_used;
  return settings;
}

RunReport run_against(ApiSettings api, const LimitSettings& limits, const Config& config, const Job& job,
                      const RunOptions& options, const Interruption& interruption) {
  const SystemClock system;
  const Instant started = system.now();
  const bool is_rehearsal = options.rehearse == Rehearse::yes;
  const std::string address = is_rehearsal ? std::string(rehearsal_api) : api.base_url;
  const std::string url = api.base_url;
  spdlog::info("calls go to {}{}", excerpt(address), way_of(api.proxy));

  // What is wrong with the source is said before the ledger is touched.
  const std::string fingerprint = run_fingerprint(job);

  RunReport report;
  report.is_ledger_new = !std::filesystem::exists(config.ledger_path);
  const auto warn = [](const std::string& text) { spdlog::warn("{}", text); };
  Database database = Database::open(config.ledger_path, Durability::full, {interruption.token(), warn});
  check_api(database, address);
  const JobId id = job_id(database, job.name);
  const auto lock = JobLock::take(database.file(), id);
  if (!lock) {
    report = busy_report(database, id, job.name);
    report.base_url = address;
    report.has_config = config.file.has_value();
    report.ledger = std::filesystem::absolute(config.ledger_path).lexically_normal().string();
    return report;
  }
  if (is_rehearsal) start_rehearsal(database, id);
  if (!api_of(database).base_url && has_answers(database)) {
    // Of an older convoke, which did not keep it.
    spdlog::warn("this ledger does not say which API its answers are of: once {} answers, it belongs to that", address);
  }
  keep_origin(database, id, job.name, origin_of(job));
  if (config.keep_profile) show_profiles(database);
  report.job = job.name;
  report.base_url = address;
  report.way = way_of(api.proxy);
  report.has_config = config.file.has_value();
  report.ledger = std::filesystem::absolute(config.ledger_path).lexically_normal().string();
  report.ignores_invalid = job.list_rules.ignore_invalid;

  JobRunSettings settings = settings_of(config, job, options);
  settings.base_url = address;
  settings.limits = limits;
  settings.runner.limited = !limits.calls.empty();
  settings.runner.max_duration = interruption.left();
  settings.fingerprint = fingerprint;
  std::vector<std::string> remarks;
  settings.read_source = rows_of(job, interruption.token(), options.progress, remarks);

  NetworkLoop network;
  asio::io_context& loop = network.context();
  HttpTransport transport(loop.get_executor(), system, std::move(api));
  SystemAlarms alarms(system);
  LedgerThread ledger_thread;
  JobRun run(database, id, std::move(settings), transport, system, alarms, loop.get_executor(),
             ledger_thread.executor(), std::random_device{}(), warn);
  report.run = run.run();
  RunEnd end;
  try {
    try {
      const Loaded loaded = run.load();
      report.reading = loaded.reading;
      if (!options.retry.empty()) report.retried = loaded.retried;
      if (!report.reading) report.unread_why = "unchanged since the last run, not read again";
      for (const std::string& remark : remarks) spdlog::warn("{}", remark);
      const std::stop_callback on_stop(interruption.token(), [&] {
        asio::post(loop, [&] {
          const RunEnd asked = interruption.reason();
          if (run.runner().progress().in_flight > 0) spdlog::warn("what was sent is waited for");
          run.runner().stop(asked.by, asked.message);
        });
      });
      end = send_all(loop, run, options.progress);
    } catch (const ReadingStopped&) {
      end = interruption.reason();
      end.message += " while the list was read";
      report.unread_why = "of the last reading; this one was stopped";
    }
    const bool names_address = end.message.find(url) != std::string::npos;
    if (end.reason != Reason::none && !names_address)
      end.message += fmt::format(" (api.base_url is {}{})", url, report.way);
    report.exit = run.finish(end);
  } catch (const Error& error) {
    run.fail(error);
    throw;
  }
  report.stopped_by = name_of(end.by);
  report.message = end.message;
  report.reason = end.reason;
  report.next_call = end.next_call;
  report.refused = end.refused;
  report.counts = run.counts();
  report.books = books_of(database, id);
  report.troubles = troubles_of(database, id);
  report.took = system.now() - started;
  return report;
}

}  // namespace

std::filesystem::path rehearsal_ledger(const std::filesystem::path& ledger) {
  return ledger.parent_path() / (ledger.stem().string() + "-rehearsal" + ledger.extension().string());
}

std::string run_fingerprint(const Job& job) {
  return fingerprint_of(job.source, {std::to_string(job.list_rules.min_rows), job.course.value_or("")});
}

std::string origin_of(const Job& job) {
  if (!job.file.empty()) return std::filesystem::absolute(job.file).lexically_normal().string();
  std::string source = describe_source(job.source);
  const auto* csv = std::get_if<CsvSettings>(&job.source);
  if (csv != nullptr && csv->path == "-") return source;
  return std::filesystem::absolute(source).lexically_normal().string();
}

RunReport run_job(const Config& config, const Job& job, const RunOptions& options, const Interruption& interruption) {
  if (options.rehearse == Rehearse::no) {
    ApiSettings api = config.api;
    try {
      api.key = load_key(config.key, environment_variable, key_command_patience, interruption.token());
    } catch (const ReadingStopped&) {
      throw Error(Exit::try_later, interruption.reason().message + " while the API key was fetched", config.key.where);
    }
    return run_against(std::move(api), config.limits, config, job, options, interruption);
  }
  // No key leaves for a rehearsal, and no limit of the API's holds for it.
  const RehearsalSandbox sandbox;
  ApiSettings api = config.api;
  api.base_url = sandbox.url();
  api.proxy.reset();
  api.key = "rehearsal";
  Config rehearsed = config;
  rehearsed.ledger_path = rehearsal_ledger(config.ledger_path);
  LimitSettings none;
  none.calls.clear();
  RunReport report = run_against(std::move(api), none, rehearsed, job, options, interruption);
  report.is_rehearsal = true;
  if (!report.stopped_by.empty()) return report;
  constexpr Duration usual_latency = 300ms;
  report.in_earnest = forecast(config.limits, MemorySlots(), LedgerTime(std::chrono::hours(1)), report.counts.calls,
                               usual_latency, config.api.connections);
  return report;
}

}  // namespace convoke
