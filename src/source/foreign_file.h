// Files that are given for CSV and are something else, told by their first bytes, with the way out.
#pragma once

#include <string>
#include <string_view>

namespace convoke {

/// Throws Error bad_source if `head`, the first bytes of the file at `path` ("-": standard input), is that of a
/// compressed file, a spreadsheet, UTF-16 or no text at all. `name` is what messages call the file.
void refuse_foreign(std::string_view head, const std::string& path, const std::string& name);

}  // namespace convoke
