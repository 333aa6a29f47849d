// Whether the text of a row names a member or a course, and if not, why, in the words of the ledger's `invalid_rows`.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "base/member_id.h"

namespace convoke {

/// The id, or the reason why there is none: a literal, so the view stays valid. `text` has no blanks around it.
/// Never throws.
std::variant<MemberId, std::string_view> check_member(std::string_view text) noexcept;

/// The reason why `text` is no course id, or nothing if it is one.
std::optional<std::string_view> check_course(std::string_view text) noexcept;

}  // namespace convoke
