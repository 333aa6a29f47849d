// What a source needs to be told; filled from the `[source]` table of a job.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace convoke {

/// The column that holds the members' ids, unless a job says otherwise.
inline constexpr const char* usual_member_column = "spotMemberId";

/// No value of a list may be longer, in bytes.
inline constexpr std::size_t longest_value = 1024UL * 1024;

/// How characters stand in a file.
enum class Encoding { utf_8, utf_16le, utf_16be, windows_1252 };

/// What they are called, in the order of Encoding.
inline constexpr std::array<std::string_view, 4> encoding_names = {"utf-8", "utf-16le", "utf-16be", "windows-1252"};

/// The largest number of a header row: the rows of a spreadsheet.
inline constexpr std::int64_t most_rows_of_a_sheet = 1'048'576;

// Each kind of list has up to three columns: of the members' ids, of their addresses (a row is read by its id where it
// has one, else by its address; at least one of the two columns is there), and of the targets (absent: one target for
// the whole list). They are called by the names in the header row, or of the query's result; without a header row by
// their numbers, from 1.

/// A CSV file (RFC 4180), or standard input; packed by gzip or zstd, it is unpacked.
struct CsvSettings {
  std::string path = {};               ///< "-" is standard input
  bool header = true;                  ///< false: there is no header row, and columns are given by number
  std::optional<char> delimiter = {};  ///< absent: what the first line says ("sep=;") or shows
  std::optional<std::string> member_column = usual_member_column;
  std::optional<std::string> email_column = {};
  std::optional<std::string> target_column = {};
  std::optional<std::int64_t> header_row = {};  ///< the line of the header, from 1; absent: the first row
  std::optional<Encoding> encoding = {};        ///< absent: as its byte order mark says, else UTF-8
};

/// A sheet of an Excel workbook (.xlsx).
struct XlsxSettings {
  std::string path = {};
  std::optional<std::string> sheet = {};        ///< its name; absent: the first sheet
  bool header = true;                           ///< false: there is no header row, and columns are given by number
  std::optional<std::int64_t> header_row = {};  ///< its number, from 1; absent: the first row that has text
  std::optional<std::string> member_column = usual_member_column;
  std::optional<std::string> email_column = {};
  std::optional<std::string> target_column = {};
};

/// A query on a SQLite file, opened read-only.
struct SqliteSettings {
  std::string path = {};
  std::string query = {};
  std::optional<std::string> member_column = usual_member_column;
  std::optional<std::string> email_column = {};
  std::optional<std::string> target_column = {};
};

using SourceSettings = std::variant<CsvSettings, XlsxSettings, SqliteSettings>;

/// What a list has to be like. Sources do not look at it: it is held against a whole reading.
struct ListRules {
  std::int64_t min_rows = 0;    ///< fewer rows are an error, and no smaller list
  bool ignore_invalid = false;  ///< rows that name no member are told, and do not make the run end with 1
};

}  // namespace convoke
