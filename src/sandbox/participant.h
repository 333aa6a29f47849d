// Participants as the API answers them, full size, written without a JSON library: this is what the sandbox spends its
// time on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/member_table.h"

namespace convoke {

/// What all participants of one course or learning path have in common.
struct TargetText {
  explicit TargetText(const Target& target);

  TargetKind kind;
  std::string json;        ///< its id as a JSON string
  std::uint64_t hash = 0;  ///< makes the participants' own ids differ between them

  std::size_t participant_room() const {
    return 640 + json.size();
  }  ///< the most characters that one participant takes
};

/// Writes one participant, a JSON object with all attributes of api.md, and returns where it ends. Its own id, names
/// and e-mail address are made up from the member's id and the target, the same each time; a member in sixteen has no
/// names, as one invited by e-mail. `invited_at` is the record's time by time_json() (the caller writes many of the
/// same time).
char* write_participant(char* out, const MemberRecord& member, const TargetText& target, std::string_view invited_at);

/// A time as participants of such a target have it: as a text, or for a learning path as a number, in ms.
std::string time_json(TargetKind kind, WallTime time);

}  // namespace convoke
