// A spot member id: a UUID (RFC 9562 text form), compared in lower case; 16 bytes inside, big-endian, so that the
// order of the bytes is the order of the text.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace convoke {

struct MemberId {
  static constexpr std::size_t text_size = 36;

  std::array<std::uint8_t, 16> bytes{};

  /// Reads exactly `8-4-4-4-12` hexadecimal digits in either case, of any version. Nothing else is an id: no braces, no
  /// blanks (the source trims them). Never throws.
  static std::optional<MemberId> parse(std::string_view text) noexcept;

  /// Writes the 36 characters of the lower-case form; no terminator.
  void write(char* out) const noexcept;
  std::string text() const;

  auto operator<=>(const MemberId&) const = default;
};
static_assert(sizeof(MemberId) == 16);

}  // namespace convoke
