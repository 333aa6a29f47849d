// One limit of calls over a window of time, written `100/10s`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/duration.h"

namespace convoke {

struct Limit {
  int calls = 0;      ///< at least 1
  Duration window{};  ///< more than zero

  bool operator==(const Limit&) const = default;
};

/// Reads `CALLS/DURATION`: at least one call (at most 10,000,000), a window of at least 1ms. Never throws.
std::optional<Limit> parse_limit(std::string_view text);

std::string format_limit(const Limit& limit);

}  // namespace convoke
