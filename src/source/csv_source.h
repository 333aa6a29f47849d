// Members from a CSV file (RFC 4180, UTF-8) or standard input, in a stream.
//
// The file is fed to libcsv one line at a time. That costs little (a memchr per line) and makes the line of every
// record exact, whatever line breaks stand inside quotes: libcsv itself does not say where it is. It also means that at
// most one record ends per feeding, so that nothing of ours runs, or throws, inside a callback of C code. And it lets
// whole lines without a quote, which are most lines of most lists, pass it by: they need no parser, only their
// delimiters.
#pragma once

#include <csv.h>

#include <string>
#include <vector>

#include "source/input_file.h"
#include "source/member_source.h"

namespace convoke {

class CsvSource final : public MemberSource {
 public:
  explicit CsvSource(const CsvSettings& settings);
  ~CsvSource() override;
  CsvSource(const CsvSource&) = delete;
  CsvSource& operator=(const CsvSource&) = delete;

  std::optional<SourceRow> next() override;

 private:
  bool read_record();  ///< false at the end; else the record is in member_, course_, field_count_, record_line_
  bool fill();         ///< reads the next block; false at the end of the file
  std::string_view take_piece();
  void feed(std::string_view piece);
  void split(std::string_view line);
  void end_line();
  void check_head();
  void read_header(const CsvSettings& settings);
  [[noreturn]] void fail(std::uint64_t line, std::string what, std::string hint = {}) const;

  static void on_field(void* text, std::size_t size, void* self) noexcept;
  static void on_record(int terminator, void* self) noexcept;

  static constexpr std::size_t no_column = static_cast<std::size_t>(-1);

  InputFile file_;
  csv_parser parser_{};
  std::vector<char> block_;
  std::size_t begin_ = 0;    ///< what of the block is not fed yet begins here
  std::size_t end_ = 0;      ///< and ends here
  std::size_t next_lf_ = 0;  ///< the first LF at or after begin_, or end_; stale if before begin_
  bool file_ended_ = false;

  std::uint64_t line_ = 1;         ///< the line that is being fed
  bool at_line_start_ = true;      ///< nothing of it is fed yet
  bool cr_pending_ = false;        ///< the last block ended in CR: alone or half of a CR LF
  std::uint64_t record_line_ = 1;  ///< where the current record starts
  bool record_ended_ = true;       ///< false: the next line belongs to the current record

  std::size_t member_column_ = no_column;  ///< from 0
  std::size_t course_column_ = no_column;
  char delimiter_;
  std::size_t field_count_ = 0;
  std::string member_;
  std::string course_;
  std::vector<std::string>* header_ = nullptr;  ///< takes every field while the header is read
};

}  // namespace convoke
