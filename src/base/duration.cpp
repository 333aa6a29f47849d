#include "base/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>

namespace convoke {
namespace {

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr std::array<Unit, 4> units = {{{"h", std::chrono::hours(1)},
                                        {"m", std::chrono::minutes(1)},
                                        {"s", std::chrono::seconds(1)},
                                        {"ms", std::chrono::milliseconds(1)}}};
constexpr Duration longest_read = std::chrono::hours(24 * 3660);

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || count < 0) return std::nullopt;
  const std::string_view name(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (count > longest_read / unit.length) return std::nullopt;
    return count * unit.length;
  }
  return std::nullopt;
}

std::string format_duration(Duration duration) {
  for (const Unit& unit : units) {
    if (duration >= unit.length && duration % unit.length == Duration::zero()) {
      return fmt::format("{}{}", duration / unit.length, unit.name);
    }
  }
  return fmt::format("{}ms", duration / std::chrono::milliseconds(1));
}

std::string describe_duration(Duration duration) {
  constexpr std::array<Unit, 4> shown = {{{"d", std::chrono::hours(24)},
                                          {"h", std::chrono::hours(1)},
                                          {"min", std::chrono::minutes(1)},
                                          {"s", std::chrono::seconds(1)}}};
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (duration < shown[i].length) continue;
    std::string text = fmt::format("{} {}", duration / shown[i].length, shown[i].name);
    const auto rest = i + 1 < shown.size() ? duration % shown[i].length / shown[i + 1].length : 0;
    return rest > 0 ? fmt::format("{} {} {}", text, rest, shown[i + 1].name) : text;
  }
  return fmt::format("{} ms", duration / std::chrono::milliseconds(1));
}

}  // namespace convoke
