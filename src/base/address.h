// An e-mail address as lists have it: what stands for a member whose id the list does not know.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace convoke {

/// No address is longer, in bytes (RFC 5321, 4.5.3.1.3: a path of 256, with its two brackets).
inline constexpr std::size_t longest_address = 254;

/// The address in `text` as it is compared: ASCII letters in lower case, and gone are blanks and invisible characters
/// around it, `<…>` around the whole, and `mailto:` in front; nothing else is changed. Nothing if that has not the
/// shape of one address: a single `@` with something before and after it, in UTF-8 of which all can be seen, with no
/// blank and no bracket (so `Ann <ann@example.org>` is none), and no comma, because the API's filters part addresses by
/// commas and would look for two. Whether anybody has it is for the API to say.
std::optional<std::string> folded_address(std::string_view text);

/// The longest target of a request that asks for addresses, in bytes: what servers take is not known (api.md).
inline constexpr std::size_t longest_look_up = 4096;

/// The bytes that it takes there, percent-encoded (RFC 3986, 2.3: all but unreserved characters).
std::size_t size_in_query(std::string_view address);

}  // namespace convoke
