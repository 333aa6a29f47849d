#include "source/columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/numbers.h"
#include "base/text.h"
#include "source/row_check.h"

namespace convoke {
namespace {

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < most; ++i) {
    list += fmt::format("{}\"{}\"", i > 0 ? ", " : "", excerpt(names[i], 60));
  }
  if (names.size() > most) list += fmt::format(" and {} more", names.size() - most);
  return list;
}

bool is_id(std::string_view text) {
  return std::holds_alternative<CheckedId>(check_member(text));
}

/// The column most of whose values are ids; names.size() if there is none.
std::size_t id_column(const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& rows) {
  std::size_t best = names.size();
  std::size_t best_ids = 0;
  for (std::size_t column = 0; column < names.size(); ++column) {
    std::size_t ids = 0;
    std::size_t values = 0;
    for (const auto& row : rows) {
      if (column >= row.size() || trim_blanks(row[column]).empty()) continue;
      ++values;
      if (is_id(row[column])) ++ids;
    }
    if (ids <= best_ids || 2 * ids <= values) continue;
    best = column;
    best_ids = ids;
  }
  return best;
}

std::string hint_for_missing(const std::vector<std::string>& names, std::string_view wanted,
                             const FirstRows& first_rows) {
  if (first_rows) {
    if (const auto id = std::find_if(names.begin(), names.end(), is_id); id != names.end()) {
      return fmt::format(
          "this row holds a member id already; if there is no header: header = false, member_column = {0} (without a "
          "job file: "
          "--no-header --member-column {0})",
          id - names.begin() + 1);
    }
  }
  std::string hint;
  if (const std::string near = nearest(wanted, names); !near.empty()) {
    hint += fmt::format("did you mean \"{}\"? ", excerpt(near));
  }
  if (const std::size_t ids = first_rows ? id_column(names, first_rows()) : names.size(); ids < names.size()) {
    hint += fmt::format(
        "the column \"{0}\" holds member ids: member_column = \"{0}\" (without a job file: "
        "--member-column {1}); ",
        excerpt(names[ids]), shell_word(excerpt(names[ids])));
  }
  return hint + "the columns are " + list_of(names);
}

std::size_t column_number(const std::string& text, const std::string& where) {
  const auto number = parse_number<std::size_t>(text);
  if (number.value_or(0) == 0) {
    throw Error(Exit::bad_config, fmt::format("\"{}\" is not the number of a column", text), where,
                "without a header row, columns are given by number, from 1");
  }
  return *number - 1;
}

}  // namespace

std::size_t column_index(const std::vector<std::string>& names, std::string_view wanted, const std::string& where,
                         const FirstRows& first_rows) {
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found == names.end()) {
    throw Error(Exit::bad_source, fmt::format("there is no column \"{}\"", excerpt(wanted)), where,
                hint_for_missing(names, wanted, first_rows));
  }
  if (std::find(found + 1, names.end(), wanted) != names.end()) {
    throw Error(Exit::bad_source, fmt::format("there is more than one column \"{}\"", excerpt(wanted)), where,
                "rename one of them, so that it is clear which is meant");
  }
  return static_cast<std::size_t>(found - names.begin());
}

Columns columns_by_name(const std::vector<std::string>& names, const std::string& member,
                        const std::optional<std::string>& course, const std::string& where,
                        const FirstRows& first_rows) {
  std::vector<std::string> trimmed;
  trimmed.reserve(names.size());
  for (const std::string& name : names) trimmed.emplace_back(trim_blanks(name));
  Columns columns;
  columns.member = column_index(trimmed, member, where, first_rows);
  if (course) columns.course = column_index(trimmed, *course, where);
  return columns;
}

Columns columns_by_number(const std::string& member, const std::optional<std::string>& course,
                          const std::string& where) {
  Columns columns;
  columns.member = column_number(member, where);
  if (course) columns.course = column_number(*course, where);
  return columns;
}

std::string hint_for_empty_header(std::string_view row, std::optional<std::uint64_t> next) {
  constexpr std::string_view key = "[source] header_row says where the header is";
  return next ? fmt::format("the next {0} that holds something is {0} {1}: {2}", row, *next, key)
              : fmt::format("there is nothing further down; {}", key);
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace convoke
