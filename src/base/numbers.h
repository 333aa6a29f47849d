// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace convoke {

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
