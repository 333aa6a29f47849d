#include "ledger/member_entry.h"

#include <algorithm>
#include <array>
#include <boost/endian/conversion.hpp>

namespace convoke {

// Ids compare as big-endian bytes; two words compare faster.
MemberEntry::MemberEntry(const MemberId& id, std::int64_t target, std::uint32_t index_and_bits,
                         std::uint64_t its_origin)
    : high(boost::endian::load_big_u64(&id.bytes[0])),
      low(boost::endian::load_big_u64(&id.bytes[8])),
      target_no(static_cast<std::uint32_t>(target)),
      index(index_and_bits),
      origin(its_origin) {}

// Most lists are of one target and of random ids: their leading bits spread them over buckets (in place: the American
// flag sort of McIlroy, Bostic and McIlroy, 1993), and what is left to compare is small and in the cache. Half the time
// of std::sort alone; ids that all begin alike end up in one bucket, and cost what they did.
void MemberEntry::sort(std::vector<MemberEntry>& entries) {
  constexpr int bucket_bits = 12;
  constexpr std::size_t buckets = 1U << bucket_bits;
  const auto bucket_of = [](const MemberEntry& entry) {
    return static_cast<std::size_t>(entry.high >> (64 - bucket_bits));
  };
  const bool one_target = std::all_of(entries.begin(), entries.end(), [&](const MemberEntry& entry) {
    return entry.target_no == entries.front().target_no;
  });
  if (!one_target || entries.size() < 4 * buckets) {
    std::sort(entries.begin(), entries.end());
    return;
  }
  std::array<std::size_t, buckets> size{};
  for (const MemberEntry& entry : entries) ++size[bucket_of(entry)];
  std::array<MemberEntry*, buckets> next{};
  std::array<MemberEntry*, buckets> end{};
  MemberEntry* begin = entries.data();
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    next[bucket] = begin;
    end[bucket] = begin += size[bucket];
  }
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    while (next[bucket] < end[bucket]) {
      MemberEntry entry = *next[bucket];
      for (std::size_t home = bucket_of(entry); home != bucket; home = bucket_of(entry))
        std::swap(entry, *next[home]++);
      *next[bucket]++ = entry;
    }
    std::sort(end[bucket] - size[bucket], end[bucket]);
  }
}

MemberId MemberEntry::id() const {
  MemberId id;
  boost::endian::store_big_u64(&id.bytes[0], high);
  boost::endian::store_big_u64(&id.bytes[8], low);
  return id;
}

}  // namespace convoke
