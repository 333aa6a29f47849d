// Finding a column by its name, and saying it well when it is not there.
#pragma once

#include <functional>
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

/// Space, tab, CR or LF.
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// `text` without blanks at its ends.
std::string_view trim_blanks(std::string_view text);

}  // namespace convoke
