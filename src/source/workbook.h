// What an Excel workbook (.xlsx) says of its sheets, and where in the zip file they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "source/zip_file.h"

namespace convoke {

struct Workbook {
  struct Sheet {
    std::string name;
    std::string part;
  };

  std::vector<Sheet> sheets;  ///< of cells, in the workbook's order; charts are none
  bool from_1904 = false;     ///< days are counted from 1904 on, and not from 1900
  std::string strings_part;   ///< the texts that cells share; empty: there are none
  std::string formats_part;   ///< of cells; empty: there are none
};

/// Throws Error bad_source if the file is no such workbook, as XmlReader, and as ZipFile::open().
Workbook read_workbook(ZipFile& file);

/// The sheet of that name, or the first. Throws Error bad_source about `file` if it is not there; the hint names those
/// that are.
const Workbook::Sheet& sheet_of(const Workbook& workbook, const std::optional<std::string>& name,
                                const std::string& file);

}  // namespace convoke
