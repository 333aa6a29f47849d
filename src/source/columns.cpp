#include "source/columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

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

}  // namespace

std::size_t column_index(const std::vector<std::string>& names, std::string_view wanted, const std::string& where) {
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found == names.end()) {
    const std::string near = nearest(wanted, names);
    throw Error(Exit::bad_source, fmt::format("there is no column \"{}\"", excerpt(wanted)), where,
                fmt::format("{}the columns are {}",
                            near.empty() ? "" : fmt::format("did you mean \"{}\"? ", excerpt(near)), list_of(names)));
  }
  if (std::find(found + 1, names.end(), wanted) != names.end()) {
    throw Error(Exit::bad_source, fmt::format("there is more than one column \"{}\"", excerpt(wanted)), where,
                "rename one of them, so that it is clear which is meant");
  }
  return static_cast<std::size_t>(found - names.begin());
}

std::string_view trim_blanks(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace convoke
