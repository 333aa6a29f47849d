// How many addresses one look-up may carry: the API does not say, and refuses what is too much (api.md).
#pragma once

#include <algorithm>

namespace convoke {

/// Halves from where it begins, as refusals come in.
class BatchSize {
 public:
  explicit BatchSize(int most) : most_(most) {}

  int most() const { return most_; }

  /// A call of so many was too large (413, 414).
  void too_large(int asked) { halve(asked); }
  /// A call of so many was refused (400): for its size, or for an address. It is not the size where as many were taken
  /// before; it is where the next one is refused, too, before one of more than half of that was taken.
  void refused(int asked) {
    if (2 * asked <= most_ || asked <= largest_taken_) return;
    if (++refused_ >= 2) halve(asked);
  }
  void taken(int asked) {
    largest_taken_ = std::max(largest_taken_, asked);
    if (2 * asked > most_) refused_ = 0;
  }
  /// Whether calls of so many are taken: what an API that refuses everything says of sizes is worth nothing.
  bool is_proven() const { return largest_taken_ > 0; }

 private:
  void halve(int asked) {
    refused_ = 0;
    if (asked > 1 && (asked + 1) / 2 < most_) most_ = (asked + 1) / 2;
    largest_taken_ = std::min(largest_taken_, most_);
  }

  int most_;
  int refused_ = 0;  // in a row
  int largest_taken_ = 0;
};

}  // namespace convoke
