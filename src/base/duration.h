// Spans of time as operators write them: `500ms`, `30s`, `50m`, `24h`.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace convoke {

using Duration = std::chrono::microseconds;

/// Reads a whole number with one of the units ms, s, m, h; at most 10 years. Nothing else. Never throws.
std::optional<Duration> parse_duration(std::string_view text);

/// The shortest exact form of the same notation; what is finer than a millisecond is cut.
std::string format_duration(Duration duration);

/// For people: "2 d 3 h", "4 min 10 s", "12 s", "350 ms": two units at most, rounded down.
std::string describe_duration(Duration duration);

}  // namespace convoke
