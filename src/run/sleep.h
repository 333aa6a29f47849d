// Waiting in a coroutine for a moment or for a call to wake, by whatever clock decides.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"

namespace convoke {

/// Sets timers for a clock. The system's clock has SystemAlarms; a virtual clock sets its own, so that tests never
/// sleep.
class Alarms {
 public:
  virtual ~Alarms() = default;
  /// Makes `timer` expire at `when` of the clock.
  virtual void set(boost::asio::steady_timer& timer, Instant when) = 0;
  /// The timer is not waited for any more.
  virtual void clear(boost::asio::steady_timer& timer) = 0;
};

class SystemAlarms final : public Alarms {
 public:
  explicit SystemAlarms(const Clock& clock) : clock_(clock) {}
  void set(boost::asio::steady_timer& timer, Instant when) override {
    timer.expires_after(std::min<Duration>(when - clock_.now(), std::chrono::hours(24)));
  }
  void clear(boost::asio::steady_timer&) override {}

 private:
  const Clock& clock_;
};

/// One place to wait; one coroutine at a time. A wake before the wait is not lost.
class Sleep {
 public:
  Sleep(const boost::asio::any_io_executor& executor, Alarms& alarms) : timer_(executor), alarms_(alarms) {}
  ~Sleep() { alarms_.clear(timer_); }
  Sleep(const Sleep&) = delete;
  Sleep& operator=(const Sleep&) = delete;

  /// Returns at `when`, or as soon as woken; at times earlier, so look again. Instant::max(): only when woken.
  boost::asio::awaitable<void> until(Instant when);
  void wake();

 private:
  boost::asio::steady_timer timer_;
  Alarms& alarms_;
  bool woken_ = false;
};

}  // namespace convoke
