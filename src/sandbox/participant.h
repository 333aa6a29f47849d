// Participants as the API answers them, full size, written without a JSON library: this is what the sandbox spends its
// time on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/member_table.h"
#include "sandbox/spot_members.h"

namespace convoke {

/// What all participants of one course or learning path have in common.
struct TargetText {
  explicit TargetText(const Target& target);

  TargetKind kind;
  std::string json;        ///< its id as a JSON string
  std::uint64_t hash = 0;  ///< makes the participants' own ids differ between them

  std::size_t participant_room() const {
    return 640 + json.size();
  }  ///< the most characters that one participant takes, but for an address that is not made up
};

/// Who a participant is beyond its id, where a spot member's address is known.
struct KnownPerson {
  std::string address_json{};  ///< as a JSON string; empty: not known
  bool nameless = false;       ///< invited by its address, and has not said its name

  KnownPerson() = default;
  explicit KnownPerson(const SpotMember* member);  ///< null: nobody knows
};

/// Writes one participant, a JSON object with all attributes of api.md, and returns where it ends. Its own id, names
/// and, unless it is known, e-mail address are made up from the member's id and the target, the same each time; a
/// member in sixteen has no names, as one invited by e-mail. `invited_at` is the record's time by time_json() (the
/// caller writes many of the same time). Of what came after that the record has one time: who has completed started
/// then, too, and who is unenrolled never did.
char* write_participant(char* out, const MemberRecord& member, const KnownPerson& known, const TargetText& target,
                        std::string_view invited_at);

/// The address that a participant has whose own is not known.
std::string made_up_address(const MemberId& id);

struct ShownNames {
  std::string_view first, last;
};
/// What a member is called; some are not.
std::optional<ShownNames> names_of(const MemberId& id);

/// A time as participants of such a target have it: as a text, or for a learning path as a number, in ms.
std::string time_json(TargetKind kind, WallTime time);

}  // namespace convoke
