// Who was asked for which target and what became of it: the sandbox's record, made for millions of members.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/member_id.h"
#include "base/target.h"

namespace convoke {

/// What a rule of the settings says of a member; several may hold.
enum MemberRule : std::uint8_t {
  unknown_member = 1,  ///< a call that holds it is refused
  ignored_member = 2,  ///< never invited, never in an answer
  invited_before = 4,
  started_before = 8
};

/// How far a member has come with its target: a participant's status, or no participant.
enum class Participation : std::uint8_t { none, invited, started, completed, unenrolled };

/// `Invited`, as the API has it; empty for none.
constexpr std::string_view name_of(Participation participation) {
  constexpr std::array<std::string_view, 5> names = {"", "Invited", "Started", "Completed", "Unenrolled"};
  return names[static_cast<std::size_t>(participation)];
}

/// One member of one target; exists once a call that was processed has named it.
struct MemberRecord {
  MemberId id;
  std::uint32_t target = 0;       ///< MemberTable::target()
  std::uint32_t asked = 0;        ///< calls processed that named it: 200, 201, or 400 for an unknown member
  std::uint32_t mails_again = 0;  ///< calls that asked for a mail although it was invited already
  std::uint32_t last_call = 0;    ///< the call that named it last; tells a duplicate within one call
  WallTime invited_at{};
  std::chrono::duration<std::uint32_t> changed_after{};  ///< from then to when it became more than invited
  std::uint8_t rules = 0;                                ///< of MemberRule
  Participation participation = Participation::none;
  bool by_call = false;  ///< invited by a call: once, for only who was removed in between is invited anew
  bool mailed = false;   ///< that call asked for a mail

  bool invited() const { return participation != Participation::none; }  ///< by a call, or before
  WallTime changed_at() const { return invited_at + changed_after; }
  void invite(WallTime at);
  void become(Participation what, WallTime at);  ///< not before it was invited, whatever `at` says; in whole seconds
};

/// Records in the order in which they came, found by target and id through a flat table of 8-byte slots.
class MemberTable {
 public:
  std::uint32_t number_of(TargetKind kind, std::string_view id);  ///< of a target, new or known
  std::optional<std::uint32_t> find_number(TargetKind kind, std::string_view id) const;
  const Target& target(std::uint32_t number) const { return targets_[number]; }
  std::size_t target_count() const { return targets_.size(); }
  /// The records of those who are invited to a target, in the order in which they came to be.
  const std::vector<std::uint32_t>& participants(std::uint32_t target) const { return participants_[target]; }
  /// Once of each record that is not among them.
  void add_participant(std::uint32_t index) { participants_[(*this)[index].target].push_back(index); }
  /// Forgets those who are not invited any more; they may be added anew.
  void drop_participants(std::uint32_t target);

  static std::uint64_t hash(std::uint32_t target, const MemberId& id);
  /// Fetches what `find_or_add` will look at; pays when several members are looked up one after the other.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]); }
  /// Makes room for `count` more members, so that adding them moves no slot.
  void reserve_more(std::size_t count);
  /// The index of the record; a new record is empty but for its target and id. Needs room made by `reserve_more`.
  std::uint32_t find_or_add(std::uint64_t hash, std::uint32_t target, const MemberId& id);
  std::optional<std::uint32_t> index_of(std::uint32_t target, const MemberId& id) const;
  const MemberRecord* find(TargetKind kind, std::string_view target, const MemberId& id) const;

  std::size_t size() const { return size_; }
  MemberRecord& operator[](std::size_t index) { return blocks_[index / block_size][index % block_size]; }
  const MemberRecord& operator[](std::size_t index) const { return blocks_[index / block_size][index % block_size]; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t index = none;
  };
  static constexpr std::uint32_t none = 0xFFFFFFFF;
  static constexpr std::size_t block_size = 1024;

  std::size_t probe(std::uint64_t hash, std::uint32_t target, const MemberId& id) const;

  std::vector<Slot> slots_ = std::vector<Slot>(64);      ///< a power of two, at most half full
  std::vector<std::unique_ptr<MemberRecord[]>> blocks_;  ///< of records; none moves when more come
  std::size_t size_ = 0;
  std::vector<Target> targets_;
  std::vector<std::vector<std::uint32_t>> participants_;                                        ///< of each target
  std::array<std::map<std::string, std::uint32_t, std::less<>>, target_kinds.size()> numbers_;  ///< of each kind
};

}  // namespace convoke
