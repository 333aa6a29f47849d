// What a body says that is none of the contract's: an error's message, a page for people, or nothing at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/participants.h"
#include "base/member_id.h"

namespace convoke {

/// No body, or JSON's ways to say nothing.
bool is_nothing(std::string_view body);

/// A page for people. The API speaks JSON or says nothing: whatever answered, the call did not get to it.
bool is_page(std::string_view body);

/// `text` of the API's, or of whatever stands before it, for people: an excerpt, printable. What looks like an e-mail
/// address in it is a member's, as a rule: "…" stands in its place, unless profiles are kept. Takes time in proportion
/// to the text at most.
std::string words_for_people(std::string_view text, KeepProfile keep_profile, std::size_t longest = 200);

/// The message of an error body, for people: JSON's `message` (a string or an array of strings), `error`, or the text
/// itself, by words_for_people(). Empty if there is none.
std::string error_message(const std::string& body, KeepProfile keep_profile = KeepProfile::no);

/// Those of `ids` (ascending) that the text quotes, in either case; indices, ascending.
std::vector<std::uint32_t> quoted_members(std::string_view text, const std::vector<MemberId>& ids);

}  // namespace convoke
