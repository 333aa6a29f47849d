// The list of who the spot members are.
#pragma once

#include <string>
#include <vector>

#include "sandbox/settings.h"

namespace convoke {

/// Reads a CSV file with the columns `email` and `id`, whole. Throws Error: no_input if it is not there, bad_source
/// with file and line for what is no list of members: a row without an address or an id, or one of either for the
/// second time.
std::vector<ListedMember> read_spot_members(const std::string& path);

}  // namespace convoke
