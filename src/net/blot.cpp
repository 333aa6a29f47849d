#include "net/blot.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "base/numbers.h"
#include "net/base64.h"

namespace convoke {
namespace {

// The letters of `secret` in base64 where `before` bytes stand in front of it: those that depend on nothing else.
std::string inner_base64(const std::string& secret, std::size_t before) {
  const std::string all = base64(std::string(before, '\0') + secret);
  const std::size_t bits_before = before * 8;
  const std::size_t bits = bits_before + secret.size() * 8;
  const std::size_t first = (bits_before + 5) / 6;
  return all.substr(first, bits / 6 - first);
}

constexpr std::size_t most_letters = 24;  // that one letter is written with, at the most that is looked for

// A piece of the text, with where each of its letters begins there.
struct Letters {
  std::string text;
  std::vector<std::size_t> from;  // one more than letters: the end
};

struct Letter {
  char letter;
  std::size_t size;  // how many letters it is written with
};

// `&amp;`, `&#43;`, `&#x2B;`, `&#0043;`
std::optional<Letter> entity_at(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> names = {
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  const auto end = text.substr(0, most_letters).find(';');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(1, end - 1);
  for (const auto& [known, letter] : names) {
    if (name == known) return Letter{letter, end + 1};
  }
  if (!name.starts_with('#')) return std::nullopt;
  const bool is_hex = name.starts_with("#x") || name.starts_with("#X");
  const auto value = parse_number<unsigned>(name.substr(is_hex ? 2 : 1), is_hex ? 16 : 10);
  if (!value || *value > 0x7F) return std::nullopt;
  return Letter{static_cast<char>(*value), end + 1};
}

// The letter that `text` begins with, if it is written in another way.
std::optional<Letter> escaped_at(std::string_view text) {
  std::optional<unsigned> value;
  std::size_t size = 0;
  switch (text.front()) {
    case '&':
      return entity_at(text);
    case '%':
      size = 3;
      if (text.size() >= size) value = parse_number<unsigned>(text.substr(1, 2), 16);
      break;
    case '\\':
      size = 6;
      if (text.size() >= size && text[1] == 'u') value = parse_number<unsigned>(text.substr(2, 4), 16);
      if (text.size() >= 4 && text[1] == 'x') {
        size = 4;
        value = parse_number<unsigned>(text.substr(2, 2), 16);
      }
      if (text.size() >= 2 && (text[1] == '/' || text[1] == '"' || text[1] == '\\')) return Letter{text[1], 2};
      break;
    default:
      break;
  }
  if (!value || *value > 0x7F) return std::nullopt;
  return Letter{static_cast<char>(*value), size};
}

// Where the first escape may begin, from `at` on. (One letter after the other: std::string::find_first_of calls memchr
// for each letter of the text.)
std::size_t find_escape(const std::string& text, std::size_t at) {
  return std::min({text.find('\\', at), text.find('%', at), text.find('&', at)});
}

// Where `needle` ends if it begins at `at`, each of its letters as it is or escaped. (What takes all escapes off takes
// letters of the needle for part of one: of `%41…`, where a `%` stands before `41…`, or in it.)
std::optional<std::size_t> end_of(std::string_view text, std::size_t at, std::string_view needle) {
  for (; !needle.empty(); needle.remove_prefix(1)) {
    if (at >= text.size()) return std::nullopt;
    const auto escaped = escaped_at(text.substr(at));
    const bool is_plain = text[at] == needle.front();
    const bool is_escaped = escaped && escaped->letter == needle.front();
    if (is_plain && is_escaped) {
      if (const auto end = end_of(text, at + escaped->size, needle.substr(1))) return end;
    }
    if (!is_plain && !is_escaped) return std::nullopt;
    at += is_plain ? 1 : escaped->size;
  }
  return at;
}

// Takes one layer of escapes off; false: there is none.
bool unescape(Letters& letters) {
  Letters out;
  out.text.reserve(letters.text.size());
  out.from.reserve(letters.from.size());
  const std::string_view text = letters.text;
  for (std::size_t at = 0; at < text.size();) {
    const auto escaped = escaped_at(text.substr(at));
    out.text += escaped ? escaped->letter : text[at];
    out.from.push_back(letters.from[at]);
    at += escaped ? escaped->size : 1;
  }
  const bool is_changed = out.text.size() < text.size();
  out.from.push_back(letters.from.back());
  letters = std::move(out);
  return is_changed;
}

// Calls `found` with where each needle stands in `text`.
void search(std::string_view text, const std::vector<std::string>& needles, const auto& found) {
  for (const std::string& needle : needles) {
    // Skips by about the needle's length: answers are long, and hold none of them.
    const std::boyer_moore_horspool_searcher searcher(needle.begin(), needle.end());
    for (auto at = std::search(text.begin(), text.end(), searcher); at != text.end();
         at = std::search(at + static_cast<std::ptrdiff_t>(needle.size()), text.end(), searcher))
      found(static_cast<std::size_t>(at - text.begin()), needle.size());
  }
}

}  // namespace

void Blot::add(const std::string& secret) {
  if (secret.size() < shortest) return;
  needles_.push_back(secret);
  for (std::size_t before = 0; before < 3; ++before) {
    needles_.push_back(inner_base64(secret, before));
    std::string other = needles_.back();
    std::replace(other.begin(), other.end(), '+', '-');
    std::replace(other.begin(), other.end(), '/', '_');
    if (other != needles_.back()) needles_.push_back(std::move(other));
  }
  for (const std::string& needle : needles_) {
    longest_ = std::max(longest_, needle.size());
    first_letters_.set(static_cast<unsigned char>(needle.front()));
  }
}

void Blot::operator()(std::string& text) const {
  if (text.size() < shortest) return;  // as most headers are
  search(text, needles_, [&](std::size_t at, std::size_t size) { text.replace(at, size, size, '*'); });

  // Then what is written in other ways, in pieces: what is known of each letter takes more memory than the letter.
  // Those to come begin early enough to hold whole what this one may have cut off.
  const std::size_t overlap = longest_ * most_letters;
  const std::size_t whole_piece = 2 * overlap + (16U << 10U);
  for (std::size_t at = find_escape(text, 0); at != std::string::npos;) {
    const std::size_t begin = at - std::min(at, longest_);
    blot_piece(text, begin, std::min(whole_piece, text.size() - begin));
    if (text.size() - begin <= whole_piece) return;
    at = find_escape(text, begin + whole_piece - overlap);
  }
}

bool Blot::may_begin(std::string_view text) const {
  if (first_letters_.test(static_cast<unsigned char>(text.front()))) return true;
  const auto escaped = escaped_at(text);
  return escaped && first_letters_.test(static_cast<unsigned char>(escaped->letter));
}

void Blot::blot_piece(std::string& text, std::size_t begin, std::size_t size) const {
  constexpr int most_layers = 8;
  Letters letters{text.substr(begin, size), std::vector<std::size_t>(size + 1)};
  std::iota(letters.from.begin(), letters.from.end(), begin);
  int layer = 0;
  do {
    for (std::size_t at = 0; at < letters.text.size(); ++at) {
      if (!may_begin(std::string_view(letters.text).substr(at))) continue;
      for (const std::string& needle : needles_) {
        const auto end = end_of(letters.text, at, needle);
        if (!end) continue;
        const std::size_t letters_written = letters.from[*end] - letters.from[at];
        text.replace(letters.from[at], letters_written, letters_written, '*');
      }
    }
  } while (++layer < most_layers && unescape(letters));
}

}  // namespace convoke
