#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace convoke {
namespace {

/// The length of the well-formed UTF-8 sequence that `text` starts with (RFC 3629), or 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (first == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
  if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogate
  if (first == 0xF0 && byte(1) < 0x90) return 0;  // overlong
  if (first == 0xF4 && byte(1) > 0x8F) return 0;  // beyond U+10FFFF
  return length;
}

/// Of a well-formed sequence.
char32_t code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first;
  char32_t point = first & (0x7FU >> sequence.size());
  for (const char c : sequence.substr(1)) point = point << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  return point;
}

/// C1 controls, and the marks that turn or hide text on a terminal: of both directions, of no width, for annotations,
/// tags.
bool is_unprintable(std::string_view sequence) {
  constexpr auto ranges = std::to_array<std::pair<char32_t, char32_t>>({{0x80, 0x9F},
                                                                        {0xAD, 0xAD},
                                                                        {0x61C, 0x61C},
                                                                        {0x180E, 0x180E},
                                                                        {0x200B, 0x200F},
                                                                        {0x2028, 0x202E},
                                                                        {0x2060, 0x206F},
                                                                        {0xFEFF, 0xFEFF},
                                                                        {0xFFF9, 0xFFFB},
                                                                        {0xE0000, 0xE007F}});
  if (sequence.size() < 2) return false;
  const char32_t point = code_point(sequence);
  return std::any_of(ranges.begin(), ranges.end(),
                     [point](const auto& range) { return point >= range.first && point <= range.second; });
}

/// What `text` begins with: one well-formed sequence, or one byte that is part of none.
struct Sequence {
  explicit Sequence(std::string_view text)
      : first(static_cast<unsigned char>(text[0])),
        is_sound(sequence_length(text) > 0),
        bytes(text.substr(0, std::max<std::size_t>(sequence_length(text), 1))) {}
  bool is_printable() const { return is_sound && first >= 0x20 && first != 0x7F && !is_unprintable(bytes); }

  unsigned char first;
  bool is_sound;
  std::string_view bytes;
};

void append_json_escape(std::string& out, char32_t point) {
  if (point < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<unsigned>(point));
    return;
  }
  const auto beyond = static_cast<unsigned>(point - 0x10000);
  out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (beyond >> 10U), 0xDC00 + (beyond & 0x3FFU));
}

}  // namespace

std::string excerpt(std::string_view text, std::size_t longest) {
  std::string out;
  bool blank = false;
  while (!text.empty()) {
    const Sequence sequence(text);
    text.remove_prefix(sequence.bytes.size());
    if (sequence.first == ' ' || (sequence.first >= '\t' && sequence.first <= '\r')) {
      blank = !out.empty();
      continue;
    }
    if (out.size() + sequence.bytes.size() + (blank ? 1 : 0) > longest) return out + "…";
    if (blank) out += ' ';
    blank = false;
    out += sequence.is_printable() ? sequence.bytes : "?";
  }
  return out;
}

std::string printable_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Sequence sequence(text);
    const bool is_kept = sequence.first == '\n' || sequence.first == '\t' || text.starts_with("\r\n");
    out += is_kept || sequence.is_printable() ? sequence.bytes : "?";
    text.remove_prefix(sequence.bytes.size());
  }
  return out;
}

bool is_visible(std::string_view text) {
  while (!text.empty()) {
    const Sequence sequence(text);
    if (!sequence.is_printable()) return false;
    text.remove_prefix(sequence.bytes.size());
  }
  return true;
}

std::string shell_word(std::string_view text) {
  const bool is_like_option = text.starts_with('-') && text != "-";  // a lone dash is standard input
  return (is_like_option ? "./" : "") + shell_quoted(text);
}

std::string shell_quoted(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./@:,=+%").find(c) != std::string_view::npos;
  };
  const bool is_control =
      std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; });
  // What excerpt() would change has no place on a terminal: written byte by byte.
  const bool by_bytes = is_control || excerpt(text, text.size() + 3) != text;
  std::string word;
  if (by_bytes) {
    word += "$'";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte >= 0x7F || c == '\'' || c == '\\') {
        word += fmt::format("\\x{:02x}", byte);
      } else {
        word += c;
      }
    }
    return word + '\'';
  }
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return word + std::string(text);
  word += '\'';
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + '\'';
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto plain = std::find_if(text.begin(), text.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\';
    });
    out.append(text.begin(), plain);
    text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
    if (text.empty()) break;
    constexpr std::string_view with_names = "\"\\\n\r\t";
    const Sequence sequence(text);
    if (const auto at = with_names.find(text[0]); at != std::string_view::npos) {
      out += '\\';
      out += "\"\\nrt"[at];
    } else if (!sequence.is_sound) {
      out += "\xEF\xBF\xBD";
    } else if (sequence.is_printable()) {
      out += sequence.bytes;
    } else {
      append_json_escape(out, code_point(sequence.bytes));
    }
    text.remove_prefix(sequence.bytes.size());
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = lower(c);
  return lowered;
}

std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::vector<std::size_t>> cost(one.size() + 1, std::vector<std::size_t>(other.size() + 1));
  for (std::size_t i = 0; i <= one.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= other.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    for (std::size_t j = 1; j <= other.size(); ++j) {
      cost[i][j] = std::min(
          {cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (one[i - 1] == other[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[one.size()][other.size()];
}

}  // namespace convoke
