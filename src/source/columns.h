// Finding a column by its name, and saying it well when it is not there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convoke {

/// The index of `wanted` among `names`, compared exactly. Throws Error bad_source about `where` if it is not there (the
/// hint suggests the nearest name and lists those there are) or is there more than once.
std::size_t column_index(const std::vector<std::string>& names, std::string_view wanted, const std::string& where);

/// `text` without space, tab, CR and LF at its ends.
std::string_view trim_blanks(std::string_view text);

}  // namespace convoke
