#include "source/columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/address.h"
#include "base/blanks.h"
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

bool is_address(std::string_view text) {
  return folded_address(text).has_value();
}

/// What the members of a list go by, and the words for it.
struct Naming {
  bool (*is_one)(std::string_view);
  std::string_view one;
  std::string_view several;
  std::string_view key;
  std::string_view option;
};
constexpr Naming by_id = {is_id, "a member id", "member ids", "member_column", "--member-column"};
constexpr Naming by_address = {is_address, "an e-mail address", "e-mail addresses", "email_column", "--email-column"};

using TextRows = std::vector<std::vector<std::string>>;

/// The column most of whose values are such; names.size() if there is none.
std::size_t column_of(const Naming& naming, const std::vector<std::string>& names, const TextRows& rows) {
  std::size_t best = names.size();
  std::size_t best_found = 0;
  for (std::size_t column = 0; column < names.size(); ++column) {
    std::size_t found = 0;
    std::size_t values = 0;
    for (const auto& row : rows) {
      if (column >= row.size() || trim_blanks(row[column]).empty()) continue;
      ++values;
      if (naming.is_one(row[column])) ++found;
    }
    if (found <= best_found || 2 * found <= values) continue;
    best = column;
    best_found = found;
  }
  return best;
}

std::string hint_for_no_header(const Naming& naming, std::ptrdiff_t column) {
  return fmt::format(
      "this row holds {0} already; if there is no header: header = false, {1} = {3} (without a job file: "
      "--no-header {2} {3})",
      naming.one, naming.key, naming.option, column + 1);
}

std::string hint_for_missing(const std::vector<std::string>& names, std::string_view wanted, ColumnUse use,
                             const FirstRows& first_rows) {
  // A list that has no ids may have addresses: then it is read by those.
  std::vector<Naming> namings;
  if (use == ColumnUse::member) namings = {by_id, by_address};
  if (use == ColumnUse::email) namings = {by_address};
  for (const Naming& naming : namings) {
    if (const auto found = std::find_if(names.begin(), names.end(), naming.is_one); found != names.end())
      return hint_for_no_header(naming, found - names.begin());
  }
  std::string hint;
  if (const std::string near = nearest(wanted, names); !near.empty()) {
    hint += fmt::format("did you mean \"{}\"? ", excerpt(near));
  }
  const TextRows rows = namings.empty() ? TextRows() : first_rows();
  for (const Naming& naming : namings) {
    const std::size_t column = column_of(naming, names, rows);
    if (column == names.size()) continue;
    hint += fmt::format("the column \"{0}\" holds {1}: {2} = \"{0}\" (without a job file: {3} {4}); ",
                        excerpt(names[column]), naming.several, naming.key, naming.option,
                        shell_word(excerpt(names[column])));
    break;
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

std::size_t column_index(const std::vector<std::string>& names, std::string_view wanted, ColumnUse use,
                         const std::string& where, const FirstRows& first_rows) {
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found == names.end()) {
    throw Error(Exit::bad_source, fmt::format("there is no column \"{}\"", excerpt(wanted)), where,
                hint_for_missing(names, wanted, use, first_rows));
  }
  if (std::find(found + 1, names.end(), wanted) != names.end()) {
    throw Error(Exit::bad_source, fmt::format("there is more than one column \"{}\"", excerpt(wanted)), where,
                "rename one of them, so that it is clear which is meant");
  }
  return static_cast<std::size_t>(found - names.begin());
}

Columns columns_by_name(const std::vector<std::string>& names, const ColumnNames& wanted, const std::string& where,
                        const FirstRows& first_rows) {
  const auto index_of = [&](const std::optional<std::string>& name, ColumnUse use) {
    return name ? column_index(names, *name, use, where, first_rows) : Columns::none;
  };
  Columns columns;
  columns.member = index_of(wanted.member, ColumnUse::member);
  columns.email = index_of(wanted.email, ColumnUse::email);
  columns.target = index_of(wanted.target, ColumnUse::target);
  return columns;
}

Columns columns_by_number(const ColumnNames& wanted, const std::string& where) {
  const auto number_of = [&](const std::optional<std::string>& name) {
    return name ? column_number(*name, where) : Columns::none;
  };
  return {number_of(wanted.member), number_of(wanted.email), number_of(wanted.target)};
}

std::vector<std::string> trimmed(std::vector<std::string> names) {
  for (std::string& name : names) name = std::string(trim_blanks(name));
  return names;
}

std::string hint_for_empty_header(std::string_view row, std::optional<std::uint64_t> next) {
  constexpr std::string_view key = "[source] header_row says where the header is";
  return next ? fmt::format("the next {0} that holds something is {0} {1}: {2}", row, *next, key)
              : fmt::format("there is nothing further down; {}", key);
}

}  // namespace convoke
