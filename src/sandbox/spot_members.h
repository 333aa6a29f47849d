// Who has which e-mail address: members that exist from the start, by the seed or by a list, and those that calls made.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/member_id.h"
#include "sandbox/settings.h"

namespace convoke {

struct SpotMember {
  MemberId id;
  std::string address;  ///< as the list or the call that made it has it; else in lower case
  WallTime updated_at{};
  std::uint32_t asked = 0;  ///< addresses in calls that asked to make it, the one that did included
  bool made = false;        ///< by a call
  bool mailed = false;      ///< that call asked for a mail
};

/// Members that follow from the seed cost no memory until they are looked up; nobody is ever made twice.
class SpotMembers {
 public:
  /// What became of an address that a call asked to make a member of.
  enum class Making { made, exists, refused, not_an_address };

  SpotMembers(SpotMemberSettings settings, std::uint64_t seed);

  /// The member that has this address now, from the start or made.
  std::optional<MemberId> member_of(std::string_view address) const;
  /// Whether a call has made the member of this address.
  bool was_made(std::string_view address) const;
  /// The members that calls made, in that order.
  std::size_t made_count() const { return made_.size(); }
  const SpotMember& made(std::size_t number) const { return members_[made_[number]]; }

  /// Whoever has this address, known by its id from now on; null: nobody. Stays where it is.
  const SpotMember* look_up(std::string_view address);
  /// Makes a member, and notes it if it exists already.
  Making make(std::string_view address, bool with_mail, WallTime now);
  /// A member by its id; null for one whose address no call and no list has named.
  const SpotMember* with_id(const MemberId& id) const;

  /// Whether this has the form of an address: one `@` with something before and after it, no blanks and commas.
  static bool is_address(std::string_view text);

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct IdHash {
    std::size_t operator()(const MemberId& id) const;
  };

  std::optional<std::uint32_t> number_of(std::string_view folded) const;
  std::uint64_t key_of(std::string_view folded) const;
  bool is_in_share(std::uint64_t key, double share) const;
  std::uint32_t add(const MemberId& id, std::string_view address);

  SpotMemberSettings settings_;
  std::uint64_t seed_;
  std::deque<SpotMember> members_;  ///< listed, made, or looked up
  std::vector<std::uint32_t> made_;
  /// By folded address: who does not follow from the seed.
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> by_address_;
  std::unordered_map<MemberId, std::uint32_t, IdHash> by_id_;
};

/// A UUID of version 4 in form that follows from `key`.
MemberId id_from(std::uint64_t key);

/// Appends a spot member as the API has it, a JSON object with all attributes of api.md.
void append_spot_member(std::string& out, const SpotMember& member);

}  // namespace convoke
