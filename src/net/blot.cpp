#include "net/blot.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <string_view>

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

std::optional<unsigned> hex(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  unsigned value = 0;
  const char* begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + digits, value, 16);
  if (error != std::errc{} || end != begin + digits) return std::nullopt;
  return value;
}

// How many letters at `at` stand for `c`; 0: none do.
std::size_t written(std::string_view text, std::size_t at, char c) {
  if (at >= text.size()) return 0;
  if (text[at] == '\\' && at + 1 < text.size()) {
    if (text[at + 1] == 'u' && hex(text, at + 2, 4) == static_cast<unsigned char>(c)) return 6;
    if (text[at + 1] == c) return 2;
  }
  if (text[at] == '%' && hex(text, at + 1, 2) == static_cast<unsigned char>(c)) return 3;
  return text[at] == c ? 1 : 0;
}

}  // namespace

void Blot::add(const std::string& secret) {
  if (secret.size() < shortest) return;
  secrets_.push_back(secret);
  plain_.push_back(secret);
  for (std::size_t before = 0; before < 3; ++before) {
    plain_.push_back(inner_base64(secret, before));
    std::string other = plain_.back();
    std::replace(other.begin(), other.end(), '+', '-');
    std::replace(other.begin(), other.end(), '/', '_');
    if (other != plain_.back()) plain_.push_back(std::move(other));
  }
}

void Blot::operator()(std::string& text) const {
  if (text.size() < shortest) return;  // as most headers are
  for (const std::string& needle : plain_) {
    // Skips by about the needle's length: answers are long, and hold none of them.
    const std::boyer_moore_horspool_searcher searcher(needle.begin(), needle.end());
    for (auto at = std::search(text.begin(), text.end(), searcher); at != text.end();
         at = std::search(at, text.end(), searcher))
      at = std::fill_n(at, needle.size(), '*');
  }
  if (text.find('\\') == std::string::npos && text.find('%') == std::string::npos) return;
  for (const std::string& secret : secrets_) blot_encoded(text, secret);
}

void Blot::blot_encoded(std::string& text, const std::string& secret) const {
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    std::size_t at = begin;
    for (const char c : secret) {
      const std::size_t letters = written(text, at, c);
      at = letters == 0 ? std::string::npos : at + letters;
      if (at == std::string::npos) break;
    }
    if (at != std::string::npos)
      std::fill(text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(at), '*');
  }
}

}  // namespace convoke
