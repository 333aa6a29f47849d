#include "sandbox/arrivals.h"

#include <algorithm>

namespace convoke {

Arrivals::Arrivals(const std::vector<Limit>& limits) : first_(limits.size(), 0) {
  windows_.reserve(limits.size());
  for (const Limit& limit : limits) windows_.push_back({limit});
}

Duration Arrivals::count(Instant now) {
  if (windows_.empty()) return Duration::zero();
  if (!times_.empty()) now = std::max(now, times_.back());
  times_.push_back(now);
  const std::uint64_t end = dropped_ + times_.size();
  const auto at = [&](std::uint64_t number) { return times_[static_cast<std::size_t>(number - dropped_)]; };

  Duration wait{};
  std::uint64_t oldest = end;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    WindowCount& window = windows_[i];
    while (now - at(first_[i]) >= window.limit.window) ++first_[i];
    oldest = std::min(oldest, first_[i]);
    const auto inside = static_cast<std::int64_t>(end - first_[i]);
    window.most = std::max(window.most, inside);
    if (inside <= window.limit.calls) continue;
    ++window.over;
    const Instant room = at(end - static_cast<std::uint64_t>(window.limit.calls)) + window.limit.window;
    wait = std::max(wait, room - now);
  }
  for (; dropped_ < oldest; ++dropped_) times_.pop_front();
  return wait;
}

}  // namespace convoke
