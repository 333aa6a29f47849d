#include "sandbox/list_query.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "base/numbers.h"
#include "base/text.h"
#include "sandbox/request_target.h"

namespace convoke {
namespace {

constexpr std::size_t largest_count = 1'000'000'000;

/// A name or a value of a query. Nothing for what is no UTF-8, either.
std::optional<std::string> decoded_parameter(std::string_view text) {
  std::string blanks(text);
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  auto decoded = percent_decoded(blanks);
  if (decoded && !simdjson::validate_utf8(decoded->data(), decoded->size())) return std::nullopt;
  return decoded;
}

std::optional<std::size_t> read_count(std::string_view text, std::size_t least) {
  const auto count = parse_number<std::size_t>(text);
  if (!count || *count < least || *count > largest_count) return std::nullopt;
  return count;
}

std::vector<std::string> parted(std::string_view text) {
  std::vector<std::string> values;
  while (true) {
    const auto comma = text.find(',');
    values.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

const std::vector<std::string>* ListQuery::filter(std::string_view name) const {
  const auto found = filters.find(name);
  return found == filters.end() ? nullptr : &found->second;
}

std::optional<std::string> read_parameters(std::string_view query, const std::vector<std::string_view>& known,
                                           Parameters& parameters) {
  while (!query.empty()) {
    const std::string_view field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), field.size() + 1));
    const auto equals = field.find('=');
    const auto name = decoded_parameter(field.substr(0, equals));
    const auto value =
        decoded_parameter(equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1));
    if (!name || !value) return "the query is not percent-encoded well";
    if (std::find(known.begin(), known.end(), *name) == known.end()) {
      return fmt::format("property {} should not exist", excerpt(*name, 40));
    }
    if (value->empty()) return *name + " should not be empty";
    if (!parameters.emplace(*name, *value).second) return *name + " is given twice";
  }
  return std::nullopt;
}

std::optional<std::string> read_list_query(std::string_view query, std::vector<std::string_view> filters,
                                           const SandboxSettings& settings, ListQuery& asked) {
  filters.insert(filters.end(), {"page", "limit"});
  Parameters parameters;
  if (auto wrong = read_parameters(query, filters, parameters)) return wrong;
  std::size_t page = settings.first_page;
  asked.limit = settings.page_limit;
  for (const auto& [name, value] : parameters) {
    if (name == "page" || name == "limit") {
      const bool is_page = name == "page";
      const auto count = read_count(value, is_page ? settings.first_page : 1);
      if (!count) return name + " must be a number in range";
      if (!is_page && settings.refuse_large_pages && *count > settings.page_limit) {
        return fmt::format("limit must not be greater than {}", settings.page_limit);
      }
      (is_page ? page : asked.limit) = is_page ? *count : std::min(*count, settings.page_limit);
      continue;
    }
    std::vector<std::string> values = name.ends_with("[in]") ? parted(value) : std::vector{value};
    if (std::find(values.begin(), values.end(), "") != values.end()) return name + " should not be empty";
    asked.filters.emplace(name, std::move(values));
  }
  asked.first = (page - settings.first_page) * asked.limit;
  return std::nullopt;
}

}  // namespace convoke
