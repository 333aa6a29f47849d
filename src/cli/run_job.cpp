#include "cli/run_job.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

#include "base/text.h"
#include "cli/options.h"
#include "cli/source_rows.h"
#include "ledger/job_lock.h"
#include "net/http_transport.h"
#include "run/job_run.h"
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
    SQLite::Statement holder(
        database.handle(),
        "SELECT pid, started_at, invited + already_invited + rejected + failed + in_doubt, calls FROM run "
        "WHERE job_id = ? ORDER BY run_id DESC LIMIT 1");
    holder.bind(1, job);
    if (holder.executeStep()) {
      report.message = fmt::format("process {} is running this job since {}: {} members settled in {} calls",
                                   holder.getColumn(0).getInt64(),
                                   format_time(WallTime(std::chrono::milliseconds(holder.getColumn(1).getInt64()))),
                                   holder.getColumn(2).getInt64(), holder.getColumn(3).getInt64());
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

// SIGINT and SIGTERM: the first stops the run, the second the process. On a thread of its own, so that they are heard
// also while the list is read, sorted or waited for.
class Signals {
 public:
  Signals(asio::io_context& loop, Runner& runner)
      : loop_(loop), runner_(runner), signals_(context_, SIGINT, SIGTERM), thread_([this] { context_.run(); }) {
    asio::post(context_, [this] { wait(); });
  }
  ~Signals() {
    context_.stop();
    thread_.join();
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  bool is_stop_asked() const { return is_stop_asked_; }

 private:
  void wait() {
    signals_.async_wait([this](boost::system::error_code error, int number) {
      if (error) return;
      // The second one does not wait: what is committed is safe, what is in flight is known to the ledger as such.
      if (is_stop_asked_.exchange(true)) ::_exit(static_cast<int>(Exit::try_later));
      asio::post(loop_, [this, number] {
        runner_.stop(StoppedBy::signal, number == SIGINT ? "interrupted" : "terminated");
        spdlog::warn("stopping: waiting for the calls in flight; once more to stop at once");
      });
      wait();
    });
  }

  asio::io_context& loop_;
  Runner& runner_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(context_);
  asio::signal_set signals_;
  std::atomic<bool> is_stop_asked_ = false;  // between the signals' thread and the one that reads
  std::thread thread_;
};

// A line that says how the run stands, now and then.
class Ticker {
 public:
  Ticker(asio::io_context& loop, const Runner& runner, ShowProgress how) : runner_(runner), how_(how), timer_(loop) {
    if (how_ != ShowProgress::never) wait();
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

// The source's rows, until a signal asks to stop.
ReadSource interruptible(const Job& job, const std::function<bool()>& is_stop_asked) {
  return [read = rows_of(job), &job, is_stop_asked](const TakeRow& take) {
    spdlog::info("reading {}", excerpt(describe_source(job.source)));
    read([&](const IntakeRow& row) {
      if (is_stop_asked()) throw ReadingStopped{};
      take(row);
    });
  };
}

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

}  // namespace

RunReport run_job(const Config& config, const Job& job, const RunOptions& options) {
  const SystemClock system;
  const Instant started = system.now();
  ApiSettings api = config.api;
  api.key = load_key(config, environment_variable);

  // What is wrong with the source is said before the ledger is touched.
  std::string fingerprint = fingerprint_of(job.source);
  // Another course is another reading of the same list.
  if (!fingerprint.empty()) fingerprint += " " + job.course.value_or("");

  Database database = Database::open(config.ledger_path);
  const JobId id = job_id(database, job.name);
  const auto lock = JobLock::take(config.ledger_path, id);
  if (!lock) return busy_report(database, id, job.name);

  if (config.keep_profile) show_profiles(database);
  RunReport report;
  report.job = job.name;

  JobRunSettings settings;
  settings.runner.invite = job.invite;
  settings.runner.retry = config.retry;
  settings.runner.max_failures = config.run.max_failures;
  settings.runner.keep_profile = config.keep_profile ? KeepProfile::yes : KeepProfile::no;
  settings.runner.connections = config.api.connections;
  settings.runner.limited = !config.limits.calls.empty();
  settings.runner.call_timeout = config.api.timeout;
  settings.runner.max_members = options.max_members;
  settings.runner.max_duration = options.max_duration;
  settings.limits = config.limits;
  settings.fingerprint = fingerprint;
  settings.retry = options.retry;

  asio::io_context loop(1);
  const Signals* heard = nullptr;
  settings.read_source = interruptible(job, [&heard] { return heard->is_stop_asked(); });
  HttpTransport transport(loop.get_executor(), api);
  SystemAlarms alarms(system);
  LedgerThread ledger_thread;
  JobRun run(database, id, std::move(settings), transport, system, alarms, loop.get_executor(),
             ledger_thread.executor(), std::random_device{}(),
             [](const std::string& text) { spdlog::warn("{}", text); });
  report.run = run.run();
  const Signals signals(loop, run.runner());
  heard = &signals;
  RunEnd end;
  try {
    try {
      report.reading = run.load();
      if (!report.reading) report.unread_why = "unchanged since the last run, not read again";
      end = send_all(loop, run, options.progress);
    } catch (const ReadingStopped&) {
      end = RunEnd{StoppedBy::signal, "stopped while the list was read", {}};
      report.unread_why = "not read to its end";
    }
    report.exit = run.finish(end);
  } catch (const Error& error) {
    run.fail(error);
    throw;
  }
  report.stopped_by = name_of(end.by);
  report.message = end.message;
  report.next_call = end.next_call;
  report.counts = run.counts();
  report.books = books_of(database, id);
  report.took = system.now() - started;
  return report;
}

}  // namespace convoke
