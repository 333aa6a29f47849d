#include "cli/run_job.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
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
    fmt::print(stderr, "\r\x1b[2K{}", line);
    std::fflush(stderr);
  } else {
    spdlog::log(spdlog::level::warn, "{}", line);
  }
}

// SIGINT and SIGTERM: the first stops the run, the second the process.
class Signals {
 public:
  Signals(asio::io_context& loop, Runner& runner) : runner_(runner), signals_(loop, SIGINT, SIGTERM) { wait(); }
  void ignore() { signals_.cancel(); }

 private:
  void wait() {
    signals_.async_wait([this](boost::system::error_code error, int number) {
      if (error) return;
      // The second one does not wait: what is committed is safe, what is in flight is known to the ledger as such.
      if (++received_ > 1) ::_exit(static_cast<int>(Exit::try_later));
      runner_.stop(StoppedBy::signal, number == SIGINT ? "interrupted" : "terminated");
      spdlog::warn("stopping: waiting for the calls in flight; once more to stop at once");
      wait();
    });
  }

  Runner& runner_;
  asio::signal_set signals_;
  int received_ = 0;
};

// A line that says how the run stands, now and then.
class Ticker {
 public:
  Ticker(asio::io_context& loop, const Runner& runner, ShowProgress how) : runner_(runner), how_(how), timer_(loop) {
    if (how_ != ShowProgress::never) wait();
  }
  void stop() {
    timer_.cancel();
    if (how_ == ShowProgress::line) fmt::print(stderr, "\r\x1b[2K");
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

// Thrown through a reading that a signal stops.
struct ReadingStopped {};

// The source's rows, with a look at the loop, where signals arrive, every few thousand of them.
ReadSource interruptible(const Job& job, asio::io_context& loop, const std::function<bool()>& is_stopped) {
  return [read = rows_of(job), &job, &loop, is_stopped](const TakeRow& take) {
    spdlog::info("reading {}", excerpt(describe_source(job.source)));
    constexpr std::uint64_t rows_between = 4096;
    std::uint64_t rows = 0;
    read([&](const IntakeRow& row) {
      if (++rows % rows_between == 0) {
        loop.poll();
        loop.restart();
        if (is_stopped()) throw ReadingStopped{};
      }
      take(row);
    });
  };
}

RunEnd send_all(asio::io_context& loop, JobRun& run, Signals& signals, ShowProgress progress) {
  std::exception_ptr error;
  RunEnd end;
  Ticker ticker(loop, run.runner(), progress);
  auto on_end = [&](std::exception_ptr failure, RunEnd ended) {
    error = failure;
    end = std::move(ended);
    signals.ignore();
    ticker.stop();
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
  const Runner* runner = nullptr;
  settings.read_source = interruptible(job, loop, [&runner] { return runner->stopped().has_value(); });
  HttpTransport transport(loop.get_executor(), api);
  SystemAlarms alarms(system);
  LedgerThread ledger_thread;
  JobRun run(database, id, std::move(settings), transport, system, alarms, loop.get_executor(),
             ledger_thread.executor(), std::random_device{}(),
             [](const std::string& text) { spdlog::warn("{}", text); });
  runner = &run.runner();
  report.run = run.run();
  Signals signals(loop, run.runner());
  RunEnd end;
  try {
    try {
      report.reading = run.load();
      if (!report.reading) report.unread_why = "unchanged since the last run, not read again";
      end = send_all(loop, run, signals, options.progress);
    } catch (const ReadingStopped&) {
      end = *run.runner().stopped();
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
