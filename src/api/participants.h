// Reading a 201, or a page of those who take part: which members it names, and what it says of each. Matched by id,
// never by position.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/member_id.h"
#include "ledger/chunk.h"
#include "ledger/paging.h"

namespace convoke {

enum class KeepProfile { no, yes };

/// What a 201 says of the members asked for.
struct Participants {
  std::vector<std::uint32_t> named;  ///< indices of the members it names, ascending
  ParticipantColumns columns;        ///< one entry for each of `named`
  int foreign = 0;                   ///< entries for members that were not asked for, or of another target
  int other_target = 0;              ///< of these, those of another target
  int doubled = 0;                   ///< entries for a member already named; the first one counts
  int unreadable = 0;                ///< entries that name no member

  bool is_odd() const { return foreign + doubled + unreadable > 0; }
};

/// What they were asked for, as entries name it (Endpoint::target_key).
struct AskedTarget {
  std::string_view key = "courseId";
  std::string_view id = {};  ///< in either case, as ids are; empty: any will do
};

/// Reads the body of a 201 against the members asked for (`ids` ascending) and the target they were asked for. An entry
/// that names no target is taken to be of this one. Empty: it is not a JSON array of objects to its very end, so
/// nothing in it can be relied on. Attributes that are absent or of a wrong type count as null; unknown ones are passed
/// over. `body` needs capacity for simdjson's padding and gets it here if it lacks it.
std::optional<Participants> read_participants(std::string& body, const std::vector<MemberId>& ids,
                                              KeepProfile keep_profile, AskedTarget target = {});

/// Reads a page of those who take part in a target. Empty: it is not a JSON object with a list of `items`, to its very
/// end. `body` as above.
std::optional<Page> read_participants_page(std::string& body, KeepProfile keep_profile, AskedTarget target);

}  // namespace convoke
