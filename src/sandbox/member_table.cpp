#include "sandbox/member_table.h"

#include <algorithm>
#include <cstring>

#include "sandbox/random.h"

namespace convoke {

void MemberRecord::invite(WallTime at) {
  participation = Participation::invited;
  invited_at = at;
  changed_after = {};
}

void MemberRecord::become(Participation what, WallTime at) {
  participation = what;
  changed_after = std::chrono::duration_cast<decltype(changed_after)>(std::max(at, invited_at) - invited_at);
}

std::uint32_t MemberTable::number_of(TargetKind kind, std::string_view id) {
  if (const auto known = find_number(kind, id)) return *known;
  const auto number = static_cast<std::uint32_t>(targets_.size());
  targets_.push_back({kind, std::string(id)});
  participants_.emplace_back();
  numbers_[static_cast<std::size_t>(kind)].emplace(id, number);
  return number;
}

std::optional<std::uint32_t> MemberTable::find_number(TargetKind kind, std::string_view id) const {
  const auto& numbers = numbers_[static_cast<std::size_t>(kind)];
  const auto known = numbers.find(id);
  if (known == numbers.end()) return std::nullopt;
  return known->second;
}

void MemberTable::drop_participants(std::uint32_t target) {
  std::erase_if(participants_[target], [this](std::uint32_t index) { return !(*this)[index].invited(); });
}

std::uint64_t MemberTable::hash(std::uint32_t target, const MemberId& id) {
  std::uint64_t halves[2];
  std::memcpy(halves, id.bytes.data(), sizeof halves);
  return mix(mix(halves[0] ^ target) ^ halves[1]);
}

std::size_t MemberTable::probe(std::uint64_t hash, std::uint32_t target, const MemberId& id) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].index != none) {
    if (slots_[at].hash == static_cast<std::uint32_t>(hash)) {
      const MemberRecord& record = (*this)[slots_[at].index];
      if (record.id == id && record.target == target) break;
    }
    at = (at + 1) & mask;
  }
  return at;
}

void MemberTable::reserve_more(std::size_t count) {
  const std::size_t needed = 2 * (size_ + count);
  if (needed <= slots_.size()) return;
  std::size_t size = slots_.size();
  while (size < needed) size *= 2;
  // The low half of the hash is in the slot: enough to place it anew, the records stay untouched.
  std::vector<Slot> old(size);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.index == none) continue;
    std::size_t at = slot.hash & (size - 1);
    while (slots_[at].index != none) at = (at + 1) & (size - 1);
    slots_[at] = slot;
  }
}

std::uint32_t MemberTable::find_or_add(std::uint64_t hash, std::uint32_t target, const MemberId& id) {
  Slot& slot = slots_[probe(hash, target, id)];
  if (slot.index == none) {
    slot = {static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(size_)};
    if (size_ == blocks_.size() * block_size) blocks_.push_back(std::make_unique<MemberRecord[]>(block_size));
    (*this)[size_++] = {.id = id, .target = target};
  }
  return slot.index;
}

std::optional<std::uint32_t> MemberTable::index_of(std::uint32_t target, const MemberId& id) const {
  const Slot& slot = slots_[probe(hash(target, id), target, id)];
  if (slot.index == none) return std::nullopt;
  return slot.index;
}

const MemberRecord* MemberTable::find(TargetKind kind, std::string_view target, const MemberId& id) const {
  const auto number = find_number(kind, target);
  if (!number) return nullptr;
  const auto index = index_of(*number, id);
  return index ? &(*this)[*index] : nullptr;
}

}  // namespace convoke
