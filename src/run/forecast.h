// The days ahead: how long a number of calls takes under the limits, by playing the rate limiter forward.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "ledger/slots.h"
#include "run/rate_limiter.h"

namespace convoke {

/// Slots in memory: a copy to play with.
class MemorySlots final : public SlotBook {
 public:
  std::vector<Duration> windows() override {  ///< those that it was ever asked about
    std::vector<Duration> windows;
    for (const auto& [window, slots] : windows_) windows.push_back(window);
    return windows;
  }
  int size(Duration window) override { return static_cast<int>(windows_[window].free_at.size()); }
  Slot earliest(Duration window, int rank) override {
    const auto found = std::next(windows_[window].by_time.begin(), rank);
    return {found->second, found->first};
  }
  int taken(Duration window, LedgerTime now) override {
    const auto& slots = windows_[window].by_time;
    return static_cast<int>(std::distance(slots.lower_bound({now + Duration(1), 0}), slots.end()));
  }
  void set(Duration window, const Slot& slot) override {
    Window& slots = windows_[window];
    const auto number = static_cast<std::size_t>(slot.number);
    if (number == slots.free_at.size()) {
      slots.free_at.push_back(slot.free_at);
    } else {
      slots.by_time.erase({slots.free_at[number], slot.number});
      slots.free_at[number] = slot.free_at;
    }
    slots.by_time.insert({slot.free_at, slot.number});
  }
  /// Forgets all slots but the `count` that are free last.
  void keep_latest(Duration window, int count) {
    Window& slots = windows_[window];
    if (static_cast<int>(slots.by_time.size()) <= count) return;
    Window kept;
    kept.next_at = slots.next_at;
    for (auto slot = std::prev(slots.by_time.end(), count); slot != slots.by_time.end(); ++slot) {
      kept.by_time.insert(kept.by_time.end(), {slot->first, static_cast<int>(kept.free_at.size())});
      kept.free_at.push_back(slot->first);
    }
    slots = std::move(kept);
  }
  LedgerTime next_at(Duration window) override { return windows_[window].next_at; }
  void set_next_at(Duration window, LedgerTime next_at) override { windows_[window].next_at = next_at; }
  Pace pace() override { return pace_; }
  void set_pace(const Pace& pace) override { pace_ = pace; }

 private:
  struct Window {
    std::vector<LedgerTime> free_at;
    std::set<std::pair<LedgerTime, int>> by_time;
    LedgerTime next_at{};
  };
  std::map<Duration, Window> windows_;
  Pace pace_;
};

/// A copy of the slots of these limits as they stand.
MemorySlots copy_slots(LedgerSlots& book, const LimitSettings& limits);

struct Forecast {
  Duration latency{};                ///< of a call, as reckoned with
  Duration duration{};               ///< from now to the last answer
  std::vector<std::int64_t> by_day;  ///< calls in each 24 hours from now
};

/// Plays `calls` calls of `latency` each over `connections` connections, from `now`. Beyond some 300,000 calls the rest
/// is reckoned by the rate so far.
Forecast forecast(const LimitSettings& limits, MemorySlots slots, LedgerTime now, std::int64_t calls, Duration latency,
                  int connections);

}  // namespace convoke
