// What a call asks of a list: its filters and its page, read strictly.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoke {

struct ListQuery {
  std::size_t page = 1;
  std::optional<std::size_t> limit;
  /// By name as in api.md, `email[in]`: the values of `in`, which commas part, or the one of another filter.
  std::map<std::string, std::vector<std::string>, std::less<>> filters;

  /// The values of a filter; null if it is not given.
  const std::vector<std::string>* filter(std::string_view name) const;
};

/// Reads a query, still encoded, into an empty `asked`; `known` are the filters that the call has. Returns what is
/// wrong with it, or nothing. Refused are: other parameters, one given twice or without a value, numbers out of range,
/// and what is not encoded well. A `+` is a blank, as parsers of queries have it.
std::optional<std::string> read_list_query(std::string_view query, std::initializer_list<std::string_view> known,
                                           ListQuery& asked);

}  // namespace convoke
