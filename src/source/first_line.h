// What the first line of a CSV file tells of the rest: how its fields are delimited.
#pragma once

#include <optional>
#include <string_view>

namespace convoke {

/// The first line of `text` that is not empty, without its line break; line breaks inside quotes do not end it. All
/// that is left of `text` if no line break does.
std::string_view first_line(std::string_view text);

/// The delimiter that Excel's own first line names ("sep=;", in either case); nothing if `line` is another.
std::optional<char> delimiter_of_sep_line(std::string_view line);

/// The comma, unless `line` has none outside quotes, and semicolons or tabs: then the more frequent of them.
char guess_delimiter(std::string_view line);

}  // namespace convoke
