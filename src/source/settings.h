// What a source needs to be told; filled from the `[source]` table of a job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace convoke {

/// A CSV file (RFC 4180, UTF-8), or standard input.
struct CsvSettings {
  std::string path = {};  ///< "-" is standard input
  bool header = true;     ///< false: there is no header row, and columns are given by number
  char delimiter = ',';
  std::string member_column = {};                 ///< a header name; with header = false a number from 1
  std::optional<std::string> course_column = {};  ///< likewise; absent: one course for the whole list
};

/// A query on a SQLite file, opened read-only.
struct SqliteSettings {
  std::string path = {};
  std::string query = {};
  std::string member_column = {};  ///< a column of the result
  std::optional<std::string> course_column = {};
};

using SourceSettings = std::variant<CsvSettings, SqliteSettings>;

}  // namespace convoke
