// Finding the columns of a list by their names or numbers, and saying it well when one is not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoke {

/// The fields of the first rows; called only when a column is not there. A row may be shorter than the header.
using FirstRows = std::function<std::vector<std::vector<std::string>>()>;
constexpr std::size_t rows_looked_at = 20;

/// The index of `wanted` among `names`, compared exactly. Throws Error bad_source about `where` if it is not there (the
/// hint suggests the nearest name, the column that holds member ids if `first_rows` are given, and lists those there
/// are) or is there more than once.
std::size_t column_index(const std::vector<std::string>& names, std::string_view wanted, const std::string& where,
                         const FirstRows& first_rows = {});

/// Where a list has its members and courses, counted from 0.
struct Columns {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::size_t member = none;
  std::size_t course = none;  ///< none: one course for the whole list
};

/// What the settings of a list with a header row name, as column_index() finds it among `names`; `names` may have
/// blanks around them.
Columns columns_by_name(const std::vector<std::string>& names, const std::string& member,
                        const std::optional<std::string>& course, const std::string& where,
                        const FirstRows& first_rows);

/// What the settings of a list without one say, which are numbers from 1. Throws Error bad_config about `where` if they
/// are none.
Columns columns_by_number(const std::string& member, const std::optional<std::string>& course,
                          const std::string& where);

/// What to try where the header row that the settings name is empty: `next`, if there is one, is the number of the next
/// `row` ("line", "row") that holds something.
std::string hint_for_empty_header(std::string_view row, std::optional<std::uint64_t> next);

/// Space, tab, CR or LF.
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// `text` without blanks at its ends.
std::string_view trim_blanks(std::string_view text);

}  // namespace convoke
