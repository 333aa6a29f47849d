// Files that are given for CSV and are something else, told by their first bytes, with the way out.
#pragma once

#include <string>
#include <string_view>

namespace convoke {

/// Throws Error bad_source if `head`, the first bytes of a text, unpacked if it was packed, is that of a spreadsheet,
/// of a file that was packed twice, of UTF-16 without a byte order mark, or of no text at all. `name` is what messages
/// call the file.
void refuse_foreign(std::string_view head, const std::string& name);

}  // namespace convoke
