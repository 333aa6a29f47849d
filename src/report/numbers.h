// Numbers as people read them.
#pragma once

#include <fmt/format.h>

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

/// One line of a report's table: a name, a number, and a remark if there is one.
inline std::string table_line(std::string_view name, std::int64_t number, std::string_view remark = {}) {
  return fmt::format("  {:<18}{:>14}{}{}\n", name, grouped(number), remark.empty() ? "" : "   ", remark);
}

}  // namespace convoke
