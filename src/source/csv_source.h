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
  explicit CsvSource(const CsvSettings& settings, std::stop_token stop = {});
  ~CsvSource() override;
  CsvSource(const CsvSource&) = delete;
  CsvSource& operator=(const CsvSource&) = delete;

  std::optional<SourceRow> next() override;
  std::vector<std::string> remarks() const override;
  std::optional<double> share_read() const override;

 private:
  bool read_record();  ///< false at the end; else the record is in member_, course_, fields_, record_line_
  void begin_record();
  bool fill();  ///< reads the next block; false at the end of the file
  bool read_more();
  void find_lf();
  std::string_view take_piece();
  void feed(std::string_view piece);
  void split(std::string_view line);
  bool ends_line(std::string_view piece) const;
  void pass(std::string_view piece);
  void end_line();
  void read_head();
  void check_head(const std::string& path);
  void settle_delimiter(std::optional<char> wanted);
  std::string_view unfed() const;  ///< what is left of the block
  void read_header(const CsvSettings& settings);
  std::vector<std::vector<std::string>> first_rows();
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
  std::uint64_t taken_ = 0;  ///< bytes of the file, those of this block included

  std::uint64_t line_ = 1;          ///< the line that is being fed
  bool at_line_start_ = true;       ///< nothing of it is fed yet
  bool cr_pending_ = false;         ///< the last block ended in CR: alone or half of a CR LF
  std::uint64_t record_line_ = 1;   ///< where the current record starts
  bool record_ended_ = true;        ///< false: the next line belongs to the current record
  std::uint64_t unended_line_ = 0;  ///< the line of the last row if the file ends in it; 0: it does not
  std::uint64_t rows_ = 0;

  std::size_t member_column_ = no_column;  ///< from 0
  std::size_t course_column_ = no_column;
  char delimiter_ = ',';
  std::size_t field_count_ = 0;
  std::size_t record_size_ = 0;  ///< bytes of the current record; only where fields_ are kept
  bool has_text_ = false;        ///< a field of the current record is not blank: it is a row
  std::string member_;
  std::string course_;
  std::vector<std::string>* fields_ = nullptr;  ///< takes every field where the names or the first rows are looked at
};

}  // namespace convoke
