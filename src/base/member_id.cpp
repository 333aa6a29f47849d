#include "base/member_id.h"

namespace convoke {
namespace {

constexpr std::array<std::int16_t, 256> hex_values() {
  std::array<std::int16_t, 256> values{};
  values.fill(-1);
  for (unsigned digit = 0; digit < 10; ++digit) values['0' + digit] = static_cast<std::int16_t>(digit);
  for (unsigned digit = 10; digit < 16; ++digit) {
    values['a' + digit - 10] = static_cast<std::int16_t>(digit);
    values['A' + digit - 10] = static_cast<std::int16_t>(digit);
  }
  return values;
}
constexpr auto hex_value = hex_values();

// Where the two digits of each byte stand in the text.
constexpr std::array<std::uint8_t, 16> digit_offset = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
constexpr std::array<std::uint8_t, 4> dash_offset = {8, 13, 18, 23};

constexpr std::array<std::array<char, 2>, 256> hex_pairs() {
  std::array<std::array<char, 2>, 256> pairs{};
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t value = 0; value < 256; ++value) pairs[value] = {digits[value >> 4], digits[value & 15]};
  return pairs;
}
constexpr auto hex_pair = hex_pairs();

}  // namespace

std::optional<MemberId> MemberId::parse(std::string_view text) noexcept {
  if (text.size() != text_size) return std::nullopt;
  for (const auto offset : dash_offset) {
    if (text[offset] != '-') return std::nullopt;
  }
  MemberId id;
  int invalid = 0;  // a negative digit value leaves the sign bit set; one branch at the end instead of 32
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = hex_value[static_cast<std::uint8_t>(text[digit_offset[i]])];
    const int low = hex_value[static_cast<std::uint8_t>(text[digit_offset[i] + 1U])];
    invalid |= high | low;
    id.bytes[i] = static_cast<std::uint8_t>((high << 4) | (low & 15));
  }
  if (invalid < 0) return std::nullopt;
  return id;
}

void MemberId::write(char* out) const noexcept {
  for (const auto offset : dash_offset) out[offset] = '-';
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto& pair = hex_pair[bytes[i]];
    out[digit_offset[i]] = pair[0];
    out[digit_offset[i] + 1U] = pair[1];
  }
}

std::string MemberId::text() const {
  std::string out(text_size, '\0');
  write(out.data());
  return out;
}

}  // namespace convoke
