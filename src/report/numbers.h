// Numbers in a report: the lines of its table, and in a sentence.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/numbers.h"

namespace convoke {

/// A name, a number, and a remark if there is one.
inline std::string table_line(std::string_view name, std::int64_t number, std::string_view remark = {}) {
  return fmt::format("  {:<18}{:>14}{}{}\n", name, grouped(number), remark.empty() ? "" : "   ", remark);
}

/// "1 row is invalid", "2 rows are invalid".
inline std::string plural(std::int64_t number, std::string_view one, std::string_view more) {
  return fmt::format("{} {}", grouped(number), number == 1 ? one : more);
}

}  // namespace convoke
