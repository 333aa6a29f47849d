#include "api/error_body.h"

#include <simdjson.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace convoke {
namespace {

// An at sign, as it stands in texts, URLs, JSON and HTML.
constexpr std::array<std::string_view, 6> at_signs = {"@", "%40", "%2540", "\\u0040", "&#64;", "&#x40;"};

// `word` holds no blanks and no quotes.
bool is_like_address(std::string_view word) {
  return std::ranges::any_of(at_signs, [&](std::string_view sign) {
    const auto at = word.find(sign, 1);
    return at != std::string_view::npos && at + sign.size() < word.size();
  });
}

}  // namespace

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

std::string words_for_people(std::string_view text, KeepProfile keep_profile, std::size_t longest) {
  if (keep_profile == KeepProfile::yes) return excerpt(text, longest);
  constexpr std::string_view blanks = " \t\n\v\f\r";
  constexpr std::string_view quotes = "\"'`";
  const auto is_in = [](std::string_view some) { return [some](char c) { return some.find(c) != some.npos; }; };
  const auto is_blank = is_in(blanks);
  const auto is_quote = is_in(quotes);
  // Of what cannot be printed a character of four bytes takes one in an excerpt: beyond this nothing need be read.
  const std::size_t enough = 4 * (longest + 2);
  std::string out;
  // Before the excerpt is cut, and not after: what is left of an address there need not look like one.
  while (!text.empty() && out.size() <= enough) {
    const auto end = std::ranges::find_if(text, [&](char c) { return is_blank(c) || is_quote(c); });
    const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    out += is_like_address(word) ? "…" : word.substr(0, enough);
    text.remove_prefix(word.size());
    if (text.empty()) break;
    // A run of blanks is one in an excerpt, and none at its ends.
    const bool is_folded = is_blank(text.front()) && (out.empty() || out.back() == ' ');
    if (!is_folded) out += is_blank(text.front()) ? ' ' : text.front();
    text.remove_prefix(1);
  }
  return excerpt(out, longest);
}

// An error's body may be anything, also cut off: nothing of it is believed before the whole is known to be JSON.
std::string error_message(const std::string& body, KeepProfile keep_profile) {
  constexpr std::size_t longest_parsed = 64U << 10U;
  simdjson::dom::parser whole;
  simdjson::dom::object object;
  if (body.size() > longest_parsed || whole.parse(body).get(object) != simdjson::SUCCESS)
    return words_for_people(body, keep_profile);
  for (const std::string_view key : {"message", "error"}) {
    simdjson::dom::element value;
    if (object[key].get(value) != simdjson::SUCCESS) continue;
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return words_for_people(text, keep_profile);
    simdjson::dom::array texts;
    if (value.get(texts) != simdjson::SUCCESS) continue;
    std::string joined;
    for (const simdjson::dom::element element : texts) {
      if (element.get(text) != simdjson::SUCCESS) continue;
      joined += joined.empty() ? "" : "; ";
      joined += text;
    }
    if (!joined.empty()) return words_for_people(joined, keep_profile);
  }
  return words_for_people(body, keep_profile);
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
