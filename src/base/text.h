// Text that is not ours (a server's, a list's) made fit for a terminal, a log or JSON.
#pragma once

#include <string>
#include <string_view>

namespace convoke {

/// A short, printable, one-line excerpt: control characters and bytes that are not UTF-8 become '?', white space is
/// folded to single blanks, and what is longer than `longest` bytes is cut at a character and ends in "…".
std::string excerpt(std::string_view text, std::size_t longest = 200);

/// `text` with all its characters and lines, but '?' for each character that acts on a terminal or hides there, and for
/// each byte that is not UTF-8. LF, CR LF and tabs stay.
std::string printable_lines(std::string_view text);

/// Whether `text` is UTF-8 and shows itself: no control character, and none that acts on a terminal or hides there.
bool is_visible(std::string_view text);

/// `text` as a JSON string with its quotes (RFC 8259); bytes that are not UTF-8 become U+FFFD, and what would move or
/// hide text on a terminal is escaped.
std::string json_string(std::string_view text);

/// Appends the same to `out`.
void append_json_string(std::string& out, std::string_view text);

/// `text` as one word of a shell's command line, safe to paste: nothing in it acts on the shell or the terminal, and it
/// is no option.
std::string shell_word(std::string_view text);

/// The same of a word that may be an option.
std::string shell_quoted(std::string_view text);

/// ASCII letters in lower case, all else as it is: names of hosts, of HTTP's fields, ids.
constexpr char lower(char c) {
  return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}
std::string lower_case(std::string_view text);

/// The entry of `known` that `word` was most likely meant to be: at most a third of its characters wrong
/// (Damerau-Levenshtein, optimal string alignment); empty if none is near.
std::string nearest(std::string_view word, const auto& known);

/// How many insertions, deletions, substitutions and swaps of neighbours turn one into the other.
std::size_t edit_distance(std::string_view one, std::string_view other);

std::string nearest(std::string_view word, const auto& known) {
  std::string best;
  std::size_t best_distance = word.size() / 3 + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance <= best_distance && (best.empty() || distance < best_distance)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace convoke
