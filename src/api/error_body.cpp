#include "api/error_body.h"

#include <simdjson.h>

#include <algorithm>

#include "base/text.h"

namespace convoke {

bool is_nothing(std::string_view body) {
  const auto is_blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  constexpr std::size_t longest_nothing = 4;
  std::string text;
  for (const char c : body) {
    if (!is_blank(c)) text += c;
    if (text.size() > longest_nothing) return false;
  }
  return text.empty() || text == "{}" || text == "[]" || text == "null" || text == "\"\"";
}

bool is_page(std::string_view body) {
  const auto start = body.find_first_not_of(" \t\r\n\v\f\xEF\xBB\xBF");
  return start != std::string_view::npos && body[start] == '<';
}

// An error's body may be anything, also cut off: nothing of it is believed before the whole is known to be JSON.
std::string error_message(const std::string& body) {
  constexpr std::size_t longest = 200;
  constexpr std::size_t longest_parsed = 64U << 10U;
  simdjson::dom::parser whole;
  simdjson::dom::object object;
  if (body.size() > longest_parsed || whole.parse(body).get(object) != simdjson::SUCCESS) return excerpt(body, longest);
  for (const std::string_view key : {"message", "error"}) {
    simdjson::dom::element value;
    if (object[key].get(value) != simdjson::SUCCESS) continue;
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return excerpt(text, longest);
    simdjson::dom::array texts;
    if (value.get(texts) != simdjson::SUCCESS) continue;
    std::string joined;
    for (const simdjson::dom::element element : texts) {
      if (element.get(text) != simdjson::SUCCESS) continue;
      joined += joined.empty() ? "" : "; ";
      joined += text;
    }
    if (!joined.empty()) return excerpt(joined, longest);
  }
  return excerpt(body, longest);
}

std::vector<std::uint32_t> quoted_members(std::string_view text, const std::vector<MemberId>& ids) {
  std::vector<std::uint32_t> quoted;
  for (std::size_t at = 0; at + MemberId::text_size <= text.size(); ++at) {
    if (text[at + 8] != '-' || text[at + 13] != '-') continue;
    const auto id = MemberId::parse(text.substr(at, MemberId::text_size));
    if (!id) continue;
    const auto found = std::lower_bound(ids.begin(), ids.end(), *id);
    if (found != ids.end() && *found == *id) quoted.push_back(static_cast<std::uint32_t>(found - ids.begin()));
    at += MemberId::text_size - 1;
  }
  std::sort(quoted.begin(), quoted.end());
  quoted.erase(std::unique(quoted.begin(), quoted.end()), quoted.end());
  return quoted;
}

}  // namespace convoke
