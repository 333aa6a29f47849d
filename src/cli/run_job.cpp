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

#include "cli/options.h"
#include "cli/source_rows.h"
#include "ledger/job_lock.h"
#include "net/http_transport.h"
#include "run/runner.h"
#include "source/fingerprint.h"
#include "source/member_source.h"

namespace convoke {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// A call may be counted by the server at the latest so long after it was claimed: it is not sent later than one timeout
// after that, is given up one timeout after it was sent, and whatever is on its way then is there within another.
Duration unanswered(const Config& config) {
  return 3 * config.api.timeout;
}

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

struct Ending {
  RunEnd end;
  std::exception_ptr error;
};

// Everything on the loop: the run, its progress, and signals.
Ending run_loop(asio::io_context& loop, Runner& runner, const Clock& clock, const RunOptions& options, std::int64_t due,
                bool ever_invited) {
  Ending ending;
  const Instant started = clock.now();

  asio::signal_set signals(loop, SIGINT, SIGTERM);
  int received = 0;
  std::function<void(boost::system::error_code, int)> on_signal = [&](boost::system::error_code error, int number) {
    if (error) return;
    // The second one does not wait: what is committed is safe, what is in flight is known to the ledger as such.
    if (++received > 1) ::_exit(static_cast<int>(Exit::try_later));
    runner.stop(StoppedBy::signal,
                fmt::format("{}: calls in flight were finished", number == SIGINT ? "interrupted" : "terminated"));
    spdlog::warn("stopping: waiting for the calls in flight; once more to stop at once");
    signals.async_wait(on_signal);
  };
  signals.async_wait(on_signal);

  asio::steady_timer ticker(loop);
  const auto interval = options.progress == ShowProgress::line ? 200ms : 30'000ms;
  std::function<void(boost::system::error_code)> on_tick = [&](boost::system::error_code error) {
    if (error) return;
    show_progress(runner, options.progress, clock.now() - started);
    ticker.expires_after(interval);
    ticker.async_wait(on_tick);
  };
  if (options.progress != ShowProgress::never) {
    ticker.expires_after(interval);
    ticker.async_wait(on_tick);
  }

  auto on_end = [&](std::exception_ptr error, RunEnd end) {
    ending = {std::move(end), error};
    signals.cancel();
    ticker.cancel();
  };
  asio::co_spawn(loop, runner.run(due, ever_invited), std::move(on_end));
  loop.run();
  if (options.progress == ShowProgress::line) fmt::print(stderr, "\r\x1b[2K");
  return ending;
}

}  // namespace

RunReport run_job(const Config& config, const Job& job, const RunOptions& options) {
  const SystemClock system;
  const Instant started = system.now();
  ApiSettings api = config.api;
  api.key = load_key(config, environment_variable);

  // What is wrong with the source is said before the ledger is touched.
  const std::string fingerprint = fingerprint_of(job.source);

  Database database = Database::open(config.ledger_path);
  const JobId id = job_id(database, job.name);
  const auto lock = JobLock::take(config.ledger_path, id);
  if (!lock) return busy_report(database, id, job.name);

  if (config.keep_profile) show_profiles(database);
  const LedgerClock clock(system, bridge_clock(database, system).offset);
  RunReport report;
  report.job = job.name;

  asio::io_context loop(1);
  HttpTransport transport(loop.get_executor(), api);
  SystemAlarms alarms(system);
  Ending ending;
  {
    LedgerThread ledger_thread;
    RunLedger ledger(database, id, config.limits, unanswered(config), clock, ledger_thread.executor());
    report.run = ledger.log().run();
    const auto end_with = [&](Exit exit, std::string_view stopped_by) {
      database.write([&] { ledger.log().end(static_cast<int>(exit), std::string(stopped_by), system.wall()); });
    };
    try {
      RunnerSettings settings;
      settings.invite = job.invite;
      settings.retry = config.retry;
      settings.max_failures = config.run.max_failures;
      settings.keep_profile = config.keep_profile ? KeepProfile::yes : KeepProfile::no;
      settings.connections = config.api.connections;
      settings.limited = !config.limits.calls.empty();
      settings.call_timeout = config.api.timeout;
      settings.max_members = options.max_members;
      settings.max_duration = options.max_duration;
      Runner runner(settings, ledger, transport, system, alarms, loop.get_executor(), std::random_device{}(),
                    [](const std::string& text) { spdlog::warn("{}", text); });
      ledger.recover(runner.judgement());

      if (is_read(database, id, fingerprint)) {
        report.unread_why = "unchanged since the last run, not read again";
      } else {
        spdlog::info("reading {}", describe_source(job.source));
        report.reading = take_in(database, id, rows_of(job), job.invite.chunk_size, fingerprint);
      }
      database.write([&] {
        const std::int64_t again = options.retry.empty() ? 0 : ledger.chunks().make_due(options.retry);
        const bool other_size = packed_for(database, id) != job.invite.chunk_size;
        if (again > 0 || other_size) ledger.chunks().repack(job.invite.chunk_size);
        if (other_size) set_packed_for(database, id, job.invite.chunk_size);
      });

      const Books before = books_of(database, id);
      const bool ever_invited = before.of(Outcome::invited) + before.of(Outcome::already_invited) > 0;
      ending = run_loop(loop, runner, system, options, before.of(Outcome::pending), ever_invited);
      if (ending.error) std::rethrow_exception(ending.error);

      report.counts = ledger.log().counts();
      check_books(database, id);
      report.books = books_of(database, id);
      report.stopped_by = name_of(ending.end.by);
      report.message = ending.end.message;
      report.next_call = ending.end.next_call;
      report.exit = exit_of(ending.end.by, report.counts, report.books);
      end_with(report.exit, report.stopped_by);
    } catch (const Error& error) {
      if (error.exit() != Exit::disk) end_with(error.exit(), "error");
      throw;
    }
  }
  report.took = system.now() - started;
  return report;
}

}  // namespace convoke
