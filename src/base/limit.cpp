#include "base/limit.h"

#include <fmt/format.h>

#include "base/numbers.h"

namespace convoke {

std::optional<Limit> parse_limit(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto calls = parse_number<int>(text.substr(0, slash));
  const auto window = parse_duration(text.substr(slash + 1));
  if (!calls || *calls < 1 || *calls > 10'000'000 || !window || *window <= Duration::zero()) return std::nullopt;
  return Limit{*calls, *window};
}

std::string format_limit(const Limit& limit) {
  return fmt::format("{}/{}", limit.calls, format_duration(limit.window));
}

}  // namespace convoke
