// Where members come from: a CSV file, standard input, a spreadsheet, or a query on a SQLite file. Every row once, in
// order, with its line; whether a row names a member is for row_check.h to say.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "source/settings.h"

namespace convoke {

/// One row, blanks around its values removed (space, tab, CR, LF). The values may be empty, wrong or long (up to 1
/// MiB). What holds nothing but empty fields is no row.
struct SourceRow {
  std::uint64_t line = 0;   ///< CSV: the line of the file where the record starts, from 1, the header and empty lines
                            ///< counted; spreadsheets: the row's number; SQLite: the number of the row in the result
  std::string_view member;  ///< its id; empty also if there is no such column, the row is too short, the value is NULL
  std::string_view target;  ///< where the row is invited to; likewise
  std::string_view email;   ///< its address; likewise
};

/// Thrown out of a wait that was asked to stop; a MemberList makes a value of it.
struct ReadingStopped {};

class MemberSource {
 public:
  virtual ~MemberSource() = default;

  /// The next row, or nothing at the end (then, and after a throw, not to be called again). The views hold until the
  /// next call. Takes one row's memory, however long the list. Waits no longer than the source takes to have the row:
  /// those of a slow pipe come as they are written. Throws Error: bad_source with file and line where the source is not
  /// what the settings say, disk if reading fails, try_later if a database stays locked; ReadingStopped.
  virtual std::optional<SourceRow> next() = 0;

  /// What an operator should know of the source, in printable sentences. Complete once next() has returned nothing.
  virtual std::vector<std::string> remarks() const { return {}; }

  /// How much of the source is read, from 0 to 1; empty where nobody knows how long it is (a pipe, a query).
  virtual std::optional<double> share_read() const { return std::nullopt; }
};

/// Opens the source and finds its columns. A pipe or a query may take its time: when `stop` asks for it, this and
/// next() throw ReadingStopped within some 100 ms. Throws Error: no_input if it is not there or may not be read,
/// bad_source if it is not what the settings say (no such column, not a database, not text), and what next() throws.
std::unique_ptr<MemberSource> open_source(const SourceSettings& settings, std::stop_token stop = {});

/// What the source is called in messages and reports: its path, or "standard input".
std::string describe_source(const SourceSettings& settings);

}  // namespace convoke
