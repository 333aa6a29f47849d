// What stands around a value and is no part of it.
#pragma once

#include <array>
#include <string_view>

namespace convoke {

/// Space, tab, CR or LF.
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// What copying from web pages and spreadsheets leaves around a value, and nobody sees: the no-break space, the
/// zero-width space, non-joiner and joiner, the word joiner, the byte order mark.
inline constexpr std::array<std::string_view, 6> invisible_characters = {"\u00A0", "\u200B", "\u200C",
                                                                         "\u200D", "\u2060", "\uFEFF"};

/// `text` without blanks at its ends.
std::string_view trim_blanks(std::string_view text);

/// `text` without blanks and invisible characters at its ends.
std::string_view trim_invisible(std::string_view text);

}  // namespace convoke
