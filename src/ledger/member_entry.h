// A member of a target as two lists are sorted together by: what is known of him, and what else there is.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/member_id.h"

namespace convoke {

/// Known ones sort before rows of the same member, rows in their order.
struct MemberEntry {
  static constexpr std::uint64_t row_bit = std::uint64_t{1} << 63U;

  MemberEntry() = default;
  /// `target` below 2^32.
  MemberEntry(const MemberId& id, std::int64_t target, std::uint32_t index_and_bits, std::uint64_t its_origin);

  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint32_t target_no = 0;
  std::uint32_t index = 0;
  std::uint64_t origin = 0;  ///< known: its chunk; row: its number, with row_bit

  bool is_row() const { return (origin & row_bit) != 0; }
  MemberId id() const;

  bool operator<(const MemberEntry& other) const {
    if (target_no != other.target_no) return target_no < other.target_no;
    if (high != other.high) return high < other.high;
    if (low != other.low) return low < other.low;
    return origin < other.origin;
  }
  bool same_member(const MemberEntry& other) const {
    return low == other.low && high == other.high && target_no == other.target_no;
  }
  static void sort(std::vector<MemberEntry>& entries);
};
static_assert(sizeof(MemberEntry) == 32 && std::is_trivially_copyable_v<MemberEntry>);

}  // namespace convoke
