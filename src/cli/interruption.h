// What ends a command from outside: SIGINT, SIGTERM, SIGHUP, and the time given with --max-duration. Heard on a thread
// of its own, so that it is heard also while a list is read, sorted or waited for.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <stop_token>
#include <thread>

#include "run/runner.h"

namespace convoke {

class Interruption {
 public:
  /// From here on signals ask to stop; one more ends the process at once (exit 75: what is committed is safe, what is
  /// in flight is known to the ledger as such). Not within a tenth of a second: one wish to stop may come as two
  /// signals (timeout(1) sends them to the process and to its group). SIGHUP only where it was not ignored (nohup).
  explicit Interruption(std::optional<Duration> max_duration);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  bool is_asked() const { return stop_.stop_requested(); }
  /// Why; once it is asked.
  RunEnd reason() const;
  /// What is left of --max-duration.
  std::optional<Duration> left() const;

 private:
  void wait_for_signal();
  void ask(StoppedBy by, int signal_number);

  std::optional<std::chrono::steady_clock::time_point> ends_at_;
  std::stop_source stop_;
  std::atomic<StoppedBy> by_ = StoppedBy::nothing;
  std::atomic<int> signal_ = 0;
  std::chrono::steady_clock::time_point signalled_at_;  // the signals' thread only
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer deadline_;
  std::thread thread_;
};

}  // namespace convoke
