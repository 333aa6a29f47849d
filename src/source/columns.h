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

/// What a column is wanted for.
enum class ColumnUse { member, email, target };

/// The index of `wanted` among `names`, compared exactly. Throws Error bad_source about `where` if it is not there (the
/// hint suggests the nearest name, the column that holds member ids or addresses if those are wanted, and lists those
/// there are) or is there more than once.
std::size_t column_index(const std::vector<std::string>& names, std::string_view wanted, ColumnUse use,
                         const std::string& where, const FirstRows& first_rows);

/// What the settings of a list call its columns: names, or numbers from 1.
struct ColumnNames {
  std::optional<std::string> member;
  std::optional<std::string> email;
  std::optional<std::string> target;
};

/// Of the settings of any kind of list.
ColumnNames names_in(const auto& settings) {
  return {settings.member_column, settings.email_column, settings.target_column};
}

/// Where a list has its members, their addresses and their targets, counted from 0.
struct Columns {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::size_t member = none;
  std::size_t email = none;
  std::size_t target = none;  ///< none: one target for the whole list
};

/// Of a list with a header row or of a query: each as column_index() finds it among `names`.
Columns columns_by_name(const std::vector<std::string>& names, const ColumnNames& wanted, const std::string& where,
                        const FirstRows& first_rows);

/// Of a list without a header row. Throws Error bad_config about `where` if one is no number.
Columns columns_by_number(const ColumnNames& wanted, const std::string& where);

/// The names of a header row without the blanks around them.
std::vector<std::string> trimmed(std::vector<std::string> names);

/// What to try where the header row that the settings name is empty: `next`, if there is one, is the number of the next
/// `row` ("line", "row") that holds something.
std::string hint_for_empty_header(std::string_view row, std::optional<std::uint64_t> next);

}  // namespace convoke
