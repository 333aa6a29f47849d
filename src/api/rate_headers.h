// What an answer's headers say about when and how much to call.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/transport.h"
#include "base/clock.h"

namespace convoke {

/// `Retry-After` (RFC 9110, 10.2.3): whole seconds or an HTTP date, held against `now`; a date gone by is zero. Empty:
/// absent, or neither.
std::optional<Duration> parse_retry_after(std::string_view header, WallTime now);

/// What the API says is left.
struct RateAdvice {
  int left = 0;
  Duration reset{};
};

/// The `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers) in their three forms: `"policy";r=50;t=30` (from -08
/// on), `limit=100, remaining=50, reset=30` (-03 to -07), and the separate RateLimit-Remaining and RateLimit-Reset
/// (before). Of several policies the one with the least left. Empty: absent, or not understood.
std::optional<RateAdvice> parse_rate_advice(const Answer& answer);

}  // namespace convoke
