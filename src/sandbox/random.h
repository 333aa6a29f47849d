// The sandbox's only source of chance: a seed, and the same numbers after it on every machine.
#pragma once

#include <cstdint>

namespace convoke {

/// One step of SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of `value`.
constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    const std::uint64_t value = mix(state_);
    state_ += 0x9E3779B97F4A7C15ULL;
    return value;
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  ///< [0, 1)
  /// [0, count); count > 0. The bias of the remainder is below 2^-40 for the counts used here.
  std::uint64_t below(std::uint64_t count) { return next() % count; }

 private:
  std::uint64_t state_;
};

}  // namespace convoke
