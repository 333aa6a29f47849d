// A rate limiter, mostly over slots in memory (run/forecast.h), at times by hand.
#pragma once

#include <utility>
#include <vector>

#include "run/forecast.h"
#include "run/rate_limiter.h"

namespace convoke {

/// Times count from one that is far from the first.
inline LedgerTime at(Duration time) {
  return LedgerTime(std::chrono::hours(1000) + time);
}

inline LimitSettings settings_of(std::vector<Limit> limits, int reserve = 0) {
  return {.calls = std::move(limits), .reserve = reserve};
}

/// Takes a slot at the earliest moment from `now` on, and says when that was.
inline LedgerTime next_call(RateLimiter& limiter, LedgerTime now, Duration latency = {}) {
  while (true) {
    const Admission admission = limiter.take(now, now + std::chrono::seconds(30));
    if (admission.slots) {
      limiter.answered(*admission.slots, now + std::chrono::seconds(30), now + latency, now + latency);
      return now;
    }
    now = admission.until;
  }
}

}  // namespace convoke
