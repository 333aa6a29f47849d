// The calls that tell whom e-mail addresses belong to, of api.md: from addresses to a request.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "api/transport.h"

namespace convoke {

/// Asks which members have these addresses, and for all of them on one page.
Request look_up_request(std::span<const std::string> addresses);

/// Asks to make members of these addresses.
Request create_request(std::span<const std::string> addresses, bool with_email);

/// How many of `addresses`, from the first on, one look-up can carry: servers take no target of any length. At least
/// one, if there is one.
std::size_t fitting(std::span<const std::string> addresses);

}  // namespace convoke
