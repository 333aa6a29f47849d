#include "base/member_id.h"

#include <boost/endian/conversion.hpp>
#include <cstring>

namespace convoke {
namespace {

// Reads eight hexadecimal digits at once, one in each byte of a word; a list may have millions of ids. False: some
// character is none.
bool read_eight(const unsigned char* text, std::uint32_t& value) {
  constexpr std::uint64_t each = 0x0101010101010101;
  constexpr auto high_bits = each * 0x80;
  // In whose bytes, none above 0x7f, `first` to `last` stand: the high bit of each.
  const auto within = [](std::uint64_t word, unsigned first, unsigned last) {
    return (word + each * (0x80U - first)) & ~(word + each * (0x7fU - last)) & high_bits;
  };
  std::uint64_t word = boost::endian::load_big_u64(text);
  const std::uint64_t low = word & ~high_bits;
  const std::uint64_t digits = within(low, '0', '9');
  const std::uint64_t letters = within(low | each * 0x20, 'a', 'f');
  if (((digits | letters) & ~word) != high_bits) return false;
  word = (word & each * 0x0f) + (letters >> 7) * 9;
  word = (word | word >> 4) & 0x00ff00ff00ff00ff;
  word = (word | word >> 8) & 0x0000ffff0000ffff;
  value = static_cast<std::uint32_t>(word | word >> 16);
  return true;
}

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
  std::array<unsigned char, 32> digits;  // without the dashes
  const char* from = text.data();
  std::memcpy(&digits[0], from, 8);
  std::memcpy(&digits[8], from + 9, 4);
  std::memcpy(&digits[12], from + 14, 4);
  std::memcpy(&digits[16], from + 19, 4);
  std::memcpy(&digits[20], from + 24, 12);
  MemberId id;
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint32_t value = 0;
    if (!read_eight(&digits[8 * i], value)) return std::nullopt;
    boost::endian::store_big_u32(&id.bytes[4 * i], value);
  }
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
