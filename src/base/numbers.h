// Numbers as people read and write them.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace convoke {

/// The whole of `text` as a number; `how`: as std::from_chars. Nothing if it is something else, or out of range.
template <class Number>
std::optional<Number> parse_number(std::string_view text, auto... how) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, how...);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return number;
}

/// 1234567 as "1,234,567".
inline std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > sign + 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

/// "1 member", "1,000 members".
inline std::string counted(std::int64_t number, std::string_view one) {
  return grouped(number) + ' ' + std::string(one) + (number == 1 ? "" : "s");
}

}  // namespace convoke
