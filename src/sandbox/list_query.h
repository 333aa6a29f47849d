// What a query says, read strictly; and what it asks of a list: its filters and its page.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/settings.h"

namespace convoke {

using Parameters = std::map<std::string, std::string, std::less<>>;

/// Reads a query, still encoded, into an empty `parameters`. Returns what is wrong with it, or nothing. Refused are:
/// parameters that are not `known`, one given twice or without a value, and what is not encoded well. A `+` is a blank,
/// as parsers of queries have it.
std::optional<std::string> read_parameters(std::string_view query, const std::vector<std::string_view>& known,
                                           Parameters& parameters);

struct ListQuery {
  std::size_t first = 0;  ///< how many items stand before the page that is asked for
  std::size_t limit = 0;  ///< the most that stand on it
  /// By name as in api.md, `email[in]`: the values of `in`, which commas part, or the one of another filter.
  std::map<std::string, std::vector<std::string>, std::less<>> filters;

  /// The values of a filter; null if it is not given.
  const std::vector<std::string>* filter(std::string_view name) const;
};

/// Reads a query as read_parameters() does into an empty `asked`; `filters` are those that the call has, and the
/// settings say how a list is cut into pages. Refused are numbers out of range, too.
std::optional<std::string> read_list_query(std::string_view query, std::vector<std::string_view> filters,
                                           const SandboxSettings& settings, ListQuery& asked);

}  // namespace convoke
