// What a server sends back of our secrets is made unreadable before anything else looks at it.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

namespace convoke {

/// Blots out secrets: as they are and in base64 (either alphabet, wherever in a longer text the secret stands), each
/// also where letters are written as JSON escapes (`\/`, `\u002B`, and `\x2B`), percent-encoded (`%2B`) or as HTML has
/// them (`&#43;`, `&amp;`), up to eight layers of these one in the other. Each letter becomes a `*`, so that JSON stays
/// JSON.
class Blot {
 public:
  /// Shorter secrets are a test's, and would blot out words.
  static constexpr std::size_t shortest = 8;

  void add(const std::string& secret);
  void operator()(std::string& text) const;

 private:
  void blot_piece(std::string& text, std::size_t begin, std::size_t size) const;
  bool may_begin(std::string_view text) const;

  std::vector<std::string> needles_;  // the secrets as they are, and in base64
  std::size_t longest_ = 0;           // of these
  std::bitset<256> first_letters_;    // of these
};

}  // namespace convoke
