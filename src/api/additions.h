// Reading the answer of a channel: whom it names as added, and whom as failed. Matched by id, never by position.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/member_id.h"

namespace convoke {

struct Additions {
  std::vector<std::uint32_t> added;   ///< indices of the members named so, ascending
  std::vector<std::uint32_t> failed;  ///< likewise; nobody who is named as added, too
  int foreign = 0;                    ///< ids that were not asked for
  int doubled = 0;                    ///< ids that were named already; the first counts
  int unreadable = 0;                 ///< entries that are no ids

  bool is_odd() const { return foreign + doubled + unreadable > 0; }
};

/// Reads the body against the members asked for (`ids` ascending). Empty: it is not a JSON object, to its very end,
/// with one of the two lists at least. `body` as for read_participants().
std::optional<Additions> read_additions(std::string& body, const std::vector<MemberId>& ids);

}  // namespace convoke
