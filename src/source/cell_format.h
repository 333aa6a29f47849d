// What the number of a cell is to its reader: a number, a date or a time. Its format says so, and nothing else does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "source/zip_file.h"

namespace convoke {

enum class CellKind : std::uint8_t { number, date, time };

/// What a number format ("yyyy-mm-dd", "[$-407]h:mm") shows. Hours beyond a day ("[h]:mm") are a number.
CellKind kind_of_format(std::string_view format);

/// The formats of a workbook's cells, by the number that a cell names its own by.
class CellFormats {
 public:
  /// Of a workbook that has none.
  CellFormats() = default;
  /// Reads them from the part. Throws as XmlReader, and Error bad_source if there are more than a workbook may have.
  CellFormats(ZipFile& file, const std::string& part);

  /// A number, if there is no such format.
  CellKind kind(std::uint64_t format) const { return format < kinds_.size() ? kinds_[format] : CellKind::number; }

 private:
  std::vector<CellKind> kinds_;
};

/// What a cell shows of the number `value`: in its shortest form; as a date (2026-03-01), with a time
/// (2026-03-01T12:30:00), or a time alone. `from_1904`: the workbook counts its days from 1904 on, and not from 1900.
/// What is no number, or no date that a spreadsheet has, stays as it is.
std::string number_text(std::string_view value, CellKind kind, bool from_1904);

/// The text of a cell as it stands in the file, made what it shows: "_x000D_" is a CR, and such names are for every
/// character that XML cannot hold, and for the underscore of what only looks like one.
void unescape_text(std::string& text);

}  // namespace convoke
