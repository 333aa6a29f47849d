// Files that are given for one kind of list and are something else, told by their bytes, with the way out.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "source/input_file.h"

namespace convoke {

/// Throws Error bad_source if `head`, the first bytes of a text, unpacked if it was packed, is that of a spreadsheet,
/// of a file that was packed twice, of UTF-16 without a byte order mark, or of no text at all. `path` is the file's
/// ("-": standard input), `name` what messages call it.
void refuse_foreign(std::string_view head, const std::string& path, const std::string& name);

/// Of a workbook that is encrypted, whichever way.
Error protected_by_password(const std::string& name);

/// Throws Error bad_source unless `file`, a regular one, begins as a zip file does, which a workbook is: it is
/// protected by a password, an old .xls, or something else.
void refuse_no_workbook(InputFile& file);

}  // namespace convoke
