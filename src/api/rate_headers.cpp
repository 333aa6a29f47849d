#include "api/rate_headers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

namespace convoke {
namespace {

constexpr std::int64_t most_seconds = 10LL * 366 * 86400;  // beyond this it is nonsense, and sums stay in range

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Digits only; what is too large for any clock counts as the most.
std::optional<std::int64_t> number_of(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return most_seconds;
  return std::min(number, most_seconds);
}

// The three date forms of RFC 9110, 5.6.7.
std::optional<WallTime> date_of(const std::string& text) {
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm time{};
    const char* end = ::strptime(text.c_str(), form, &time);
    if (end != nullptr && *end == '\0') return WallTime(std::chrono::seconds(::timegm(&time)));
  }
  return std::nullopt;
}

// The whole number after `name=` in a list of parameters.
std::optional<std::int64_t> parameter(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(";,", at), text.size());
    const std::string_view part = trimmed(text.substr(at, end - at));
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=')
      return number_of(trimmed(part.substr(name.size() + 1)));
    at = end + 1;
  }
  return std::nullopt;
}

std::optional<RateAdvice> advice(std::optional<std::int64_t> left, std::optional<std::int64_t> reset) {
  if (!left || !reset) return std::nullopt;
  return RateAdvice{static_cast<int>(std::min<std::int64_t>(*left, 1'000'000'000)), std::chrono::seconds(*reset)};
}

}  // namespace

std::optional<Duration> parse_retry_after(std::string_view header, WallTime now) {
  const std::string_view text = trimmed(header);
  if (const auto seconds = number_of(text)) return std::chrono::seconds(*seconds);
  if (const auto date = date_of(std::string(text))) return std::max<Duration>(*date - now, Duration::zero());
  return std::nullopt;
}

std::optional<RateAdvice> parse_rate_advice(const Answer& answer) {
  std::optional<RateAdvice> least;
  const auto consider = [&](std::optional<RateAdvice> found) {
    if (found && (!least || found->left < least->left)) least = found;
  };
  const std::string_view field = answer.ratelimit;
  if (field.find("remaining=") != std::string_view::npos) {
    consider(advice(parameter(field, "remaining"), parameter(field, "reset")));
  } else {
    for (std::size_t at = 0; at < field.size();) {
      const std::size_t end = std::min(field.find(',', at), field.size());
      const std::string_view policy = field.substr(at, end - at);
      consider(advice(parameter(policy, "r"), parameter(policy, "t")));
      at = end + 1;
    }
  }
  const auto alone = [](std::string_view header) {
    return number_of(trimmed(header.substr(0, header.find_first_of(",;"))));
  };
  consider(advice(alone(answer.ratelimit_remaining), alone(answer.ratelimit_reset)));
  return least;
}

}  // namespace convoke
