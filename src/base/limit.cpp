#include "base/limit.h"

#include <fmt/format.h>

#include <charconv>

namespace convoke {

std::optional<Limit> parse_limit(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  Limit limit;
  const char* end = text.data() + slash;
  const auto [rest, error] = std::from_chars(text.data(), end, limit.calls);
  if (error != std::errc{} || rest != end || limit.calls < 1 || limit.calls > 10'000'000) return std::nullopt;
  const auto window = parse_duration(text.substr(slash + 1));
  if (!window || *window <= Duration::zero()) return std::nullopt;
  limit.window = *window;
  return limit;
}

std::string format_limit(const Limit& limit) {
  return fmt::format("{}/{}", limit.calls, format_duration(limit.window));
}

}  // namespace convoke
