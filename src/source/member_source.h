// Where members come from: a CSV file, standard input, or a query on a SQLite file. Every row once, in order, with its
// line; whether a row names a member is for row_check.h to say.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "source/settings.h"

namespace convoke {

/// One row, blanks around its values removed (space, tab, CR, LF). The values may be empty, wrong or long (up to 1
/// MiB).
struct SourceRow {
  std::uint64_t line = 0;   ///< CSV: the line of the file where the record starts, from 1, the header and empty lines
                            ///< counted; SQLite: the number of the row in the result, from 1
  std::string_view member;  ///< empty also if the row is too short to have the column, or the value is NULL
  std::string_view course;  ///< empty unless the settings name a course column
};

class MemberSource {
 public:
  virtual ~MemberSource() = default;

  /// The next row, or nothing at the end (then, and after a throw, not to be called again). The views hold until the
  /// next call. Takes one row's memory, however long the list. Throws Error: bad_source with file and line where the
  /// source is not what the settings say, disk if reading fails, try_later if a database stays locked.
  virtual std::optional<SourceRow> next() = 0;
};

/// Opens the source and finds its columns. Throws Error: no_input if it is not there or may not be read, bad_source if
/// it is not what the settings say (no such column, not a database, not text), and what next() throws.
std::unique_ptr<MemberSource> open_source(const SourceSettings& settings);

/// What the source is called in messages and reports: its path, or "standard input".
std::string describe_source(const SourceSettings& settings);

}  // namespace convoke
