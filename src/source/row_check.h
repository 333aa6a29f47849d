// Whether the text of a row names a member and a course, and if not, why. What is surely an id in another dress, as
// spreadsheets and other programs write them, is taken.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "base/member_id.h"
#include "base/reason.h"

namespace convoke {

struct CheckedId {
  MemberId id;
  bool mended = false;  ///< it was not written as an id is: in braces, without dashes, among invisible characters
};

/// The id, or the reason why there is none: no_id, email_address or not_an_id. Blanks around it are nothing to mend.
/// Never throws.
std::variant<CheckedId, Reason> check_member(std::string_view text) noexcept;

/// The reason (no_course) why `text` is no course id, or nothing if it is one.
std::optional<Reason> check_course(std::string_view text) noexcept;

}  // namespace convoke
