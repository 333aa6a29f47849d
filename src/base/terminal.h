// Text that goes to a terminal as it is, line by line.
#pragma once

#include <string>
#include <string_view>

namespace convoke {

/// `text` with all its characters, but '?' for each that acts on a terminal or hides there, and for each byte that is
/// not UTF-8. LF, CR LF and tabs stay.
std::string printable_lines(std::string_view text);

}  // namespace convoke
