// When requests arrived, and what that means under several limits at once: a strict sliding window, the least forgiving
// way to count, so that a client that never exceeds it exceeds no other.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/clock.h"
#include "base/limit.h"

namespace convoke {

/// What became of one limit so far.
struct WindowCount {
  Limit limit;
  std::int64_t most = 0;  ///< the most arrivals in any window of its length
  std::int64_t over = 0;  ///< arrivals that found the window full
};

class Arrivals {
 public:
  explicit Arrivals(const std::vector<Limit>& limits);

  /// Counts one arrival, refused or not. Returns how long to wait until one more would find room under every limit if
  /// nothing else arrives; zero: this one found room. An arrival is in the window while less than its length has
  /// passed: one at `t` makes room at exactly `t + window`. Time does not run backwards. O(1) amortised.
  Duration count(Instant now);

  const std::vector<WindowCount>& windows() const { return windows_; }

 private:
  std::vector<WindowCount> windows_;
  std::vector<std::uint64_t> first_;  ///< per limit: the number of the oldest arrival still in its window
  std::deque<Instant> times_;         ///< the arrivals in the longest window
  std::uint64_t dropped_ = 0;         ///< how many arrivals came before times_.front()
};

}  // namespace convoke
