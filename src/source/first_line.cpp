#include "source/first_line.h"

#include <algorithm>

#include "base/text.h"

namespace convoke {

std::string_view first_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (!quoted && (text[i] == '\n' || text[i] == '\r')) return text.substr(0, i);
  }
  return text;
}

std::optional<char> delimiter_of_sep_line(std::string_view line) {
  constexpr std::string_view sep = "sep=";
  const auto is_same = [](char letter, char c) { return letter == lower(c); };
  if (line.size() != sep.size() + 1 || !std::equal(sep.begin(), sep.end() - 1, line.begin(), is_same)) {
    return std::nullopt;
  }
  if (line[sep.size() - 1] != '=' || line.back() == '"') return std::nullopt;
  return line.back();
}

char guess_delimiter(std::string_view line) {
  std::ptrdiff_t commas = 0;
  std::ptrdiff_t semicolons = 0;
  std::ptrdiff_t tabs = 0;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    commas += c == ',' ? 1 : 0;
    semicolons += c == ';' ? 1 : 0;
    tabs += c == '\t' ? 1 : 0;
  }
  if (commas > 0 || semicolons + tabs == 0) return ',';
  return semicolons >= tabs ? ';' : '\t';
}

}  // namespace convoke
