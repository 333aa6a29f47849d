// Reading the answers that say whom addresses belong to. Matched by address in either case, never by position.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/participants.h"
#include "base/member_id.h"

namespace convoke {

/// What an answer says of the addresses asked for.
struct MembersByAddress {
  std::vector<std::uint32_t> found;       ///< indices of the addresses that a member has, ascending, and
  std::vector<MemberId> ids;              ///< these members. Of several with one address, the one who takes part
  std::vector<std::uint32_t> unreadable;  ///< addresses that somebody has by an id that is none, ascending
  std::int64_t foreign = 0;               ///< entries with an address that was not asked for
};

/// A page of members.
struct MembersFound : MembersByAddress {
  bool is_partial = false;  ///< it says that there are more than it names
};

struct MembersMade : MembersByAddress {
  /// Addresses that no member was made of, alike in what is said of them.
  struct Failed {
    std::vector<std::uint32_t> members;  ///< their indices, ascending
    std::string words;                   ///< printable, short; empty: none
  };
  std::vector<Failed> failed;  ///< none of them found
};

/// Reads the body of a look-up against the addresses asked for (in lower case, each once). Entries without an address
/// are passed over. Empty: it is not a JSON object with a list of `items`, to its very end. `body` as for
/// read_participants().
std::optional<MembersFound> read_members_found(std::string& body, std::span<const std::string> addresses);

/// The same of a creation. Empty: there is neither a list of those `created` nor of those `failed`.
std::optional<MembersMade> read_members_made(std::string& body, std::span<const std::string> addresses,
                                             KeepProfile keep_profile);

}  // namespace convoke
