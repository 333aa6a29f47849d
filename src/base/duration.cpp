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
  using namespace std::chrono;
  const auto whole_seconds = duration_cast<seconds>(duration).count();
  const auto days = whole_seconds / 86400;
  const auto hours = whole_seconds / 3600 % 24;
  const auto minutes = whole_seconds / 60 % 60;
  if (days > 0) return hours > 0 ? fmt::format("{} d {} h", days, hours) : fmt::format("{} d", days);
  if (hours > 0) return minutes > 0 ? fmt::format("{} h {} min", hours, minutes) : fmt::format("{} h", hours);
  const auto seconds_left = whole_seconds % 60;
  if (minutes > 0)
    return seconds_left > 0 ? fmt::format("{} min {} s", minutes, seconds_left) : fmt::format("{} min", minutes);
  if (whole_seconds > 0) return fmt::format("{} s", whole_seconds);
  return fmt::format("{} ms", duration_cast<milliseconds>(duration).count());
}

}  // namespace convoke
