// What a server sends back of our secrets is made unreadable before anything else looks at it.
#pragma once

#include <string>
#include <vector>

namespace convoke {

/// Blots out secrets: plain, with letters written as JSON escapes (`\/`, `\u002B`) or percent-encoded, and in base64
/// (either alphabet, wherever in a longer text the secret stands). Each letter becomes a `*`, so that JSON stays JSON.
class Blot {
 public:
  /// Shorter secrets are a test's, and would blot out words.
  static constexpr std::size_t shortest = 8;

  void add(const std::string& secret);
  void operator()(std::string& text) const;

 private:
  void blot_encoded(std::string& text, const std::string& secret) const;

  std::vector<std::string> secrets_;
  std::vector<std::string> plain_;  // as they are, and in base64
};

}  // namespace convoke
