// A clock that stands still until it is moved, and wakes whoever waits for the moment it is moved to.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "run/sleep.h"

namespace convoke {

class VirtualClock final : public Clock, public Alarms {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override {
    return std::chrono::floor<std::chrono::milliseconds>(WallTime(std::chrono::milliseconds(1'790'000'000'000)) +
                                                         wall_offset_ + now_.time_since_epoch());
  }
  std::string boot_id() const override { return "boot " + std::to_string(boot_); }

  /// The time elsewhere, which no boot of ours and no clock that is set touches.
  Instant elsewhere() const { return now_ + before_boot_; }

  /// The wall clock is set to another time.
  void step_wall(Duration by) { wall_offset_ += by; }
  /// The machine sleeps: time goes by, and nothing happens meanwhile.
  void suspend(Duration by) { now_ += by; }
  /// The machine boots: its boot clock starts anew, after `down` of wall time. Nothing may be waiting.
  void reboot(Duration down) {
    wall_offset_ += down + now_.time_since_epoch();
    before_boot_ += down + now_.time_since_epoch();
    now_ = Instant{};
    ++boot_;
  }

  void set(boost::asio::steady_timer& timer, Instant when) override {
    clear(timer);
    if (when <= now_) {
      timer.expires_at(boost::asio::steady_timer::time_point::min());
      return;
    }
    timer.expires_at(boost::asio::steady_timer::time_point::max());
    if (when != Instant::max()) sleepers_.push_back({when, next_++, &timer});
  }
  void clear(boost::asio::steady_timer& timer) override {
    std::erase_if(sleepers_, [&](const Sleeper& sleeper) { return sleeper.timer == &timer; });
  }

  /// Does `action` at `when`, whoever is gone by then.
  void at(Instant when, std::function<void()> action) {
    actions_.emplace(std::pair(std::max(when, now_), next_++), std::move(action));
  }

  /// Moves to the next moment somebody waits for; false: nobody waits.
  bool advance() {
    std::optional<Instant> next;
    if (!actions_.empty()) next = actions_.begin()->first.first;
    for (const Sleeper& sleeper : sleepers_) next = next ? std::min(*next, sleeper.when) : sleeper.when;
    if (!next) return false;
    now_ = std::max(now_, *next);
    while (!actions_.empty() && actions_.begin()->first.first <= now_) {
      const auto action = std::move(actions_.begin()->second);
      actions_.erase(actions_.begin());
      action();
    }
    std::vector<Sleeper> due;
    std::copy_if(sleepers_.begin(), sleepers_.end(), std::back_inserter(due),
                 [&](const Sleeper& sleeper) { return sleeper.when <= now_; });
    std::erase_if(sleepers_, [&](const Sleeper& sleeper) { return sleeper.when <= now_; });
    for (const Sleeper& sleeper : due) sleeper.timer->cancel();
    return true;
  }

 private:
  struct Sleeper {
    Instant when;
    std::uint64_t order;
    boost::asio::steady_timer* timer;
  };
  Instant now_{std::chrono::hours(1)};
  Duration wall_offset_{};
  Duration before_boot_{};
  int boot_ = 1;
  std::uint64_t next_ = 0;
  std::vector<Sleeper> sleepers_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> actions_;
};

}  // namespace convoke
