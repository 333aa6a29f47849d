// What a source needs to be told; filled from the `[source]` table of a job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace convoke {

/// The column that holds the members' ids, unless a job says otherwise.
inline constexpr const char* usual_member_column = "spotMemberId";

/// A CSV file (RFC 4180, UTF-8), or standard input.
struct CsvSettings {
  std::string path = {};                            ///< "-" is standard input
  bool header = true;                               ///< false: there is no header row, and columns are given by number
  std::optional<char> delimiter = {};               ///< absent: what the first line says ("sep=;") or shows
  std::string member_column = usual_member_column;  ///< a header name; with header = false a number from 1
  std::optional<std::string> course_column = {};    ///< likewise; absent: one course for the whole list
};

/// A query on a SQLite file, opened read-only.
struct SqliteSettings {
  std::string path = {};
  std::string query = {};
  std::string member_column = usual_member_column;  ///< a column of the result
  std::optional<std::string> course_column = {};
};

using SourceSettings = std::variant<CsvSettings, SqliteSettings>;

/// What a list has to be like. Sources do not look at it: it is held against a whole reading.
struct ListRules {
  std::int64_t min_rows = 0;    ///< fewer rows are an error, and no smaller list
  bool ignore_invalid = false;  ///< rows that name no member are told, and do not make the run end with 1
};

}  // namespace convoke
