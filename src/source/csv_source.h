// Members from a CSV file (RFC 4180) or standard input, in a stream.
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

#include "source/columns.h"
#include "source/line_reader.h"
#include "source/member_source.h"

namespace convoke {

class CsvSource final : public MemberSource {
 public:
  explicit CsvSource(const CsvSettings& settings, std::stop_token stop = {});
  CsvSource(const CsvSource&) = delete;
  CsvSource& operator=(const CsvSource&) = delete;

  std::optional<SourceRow> next() override;
  std::vector<std::string> remarks() const override;
  std::optional<double> share_read() const override { return lines_.share_read(); }

 private:
  struct Parser : csv_parser {
    Parser();
    ~Parser() { csv_free(this); }
  };

  /// The record at hand.
  struct Record {
    std::uint64_t line = 1;  ///< where it starts
    bool has_ended = true;   ///< false: the next line belongs to it
    bool has_text = false;   ///< a field is not blank: it is a row
    std::size_t fields = 0;  ///< how many there are so far
    std::size_t size = 0;    ///< bytes; only where all fields are kept
    std::string member;
    std::string email;
    std::string target;
  };

  bool read_record();  ///< false at the end
  void begin_record();
  void feed(const LineReader::Piece& piece);
  void split(std::string_view line);
  void begin(const CsvSettings& settings);
  void read_header(const CsvSettings& settings);
  std::vector<std::vector<std::string>> first_rows();
  [[noreturn]] void fail(std::uint64_t line, std::string what, std::string hint = {}) const;

  static void on_field(void* text, std::size_t size, void* self) noexcept;
  static void on_record(int terminator, void* self) noexcept;

  LineReader lines_;
  Parser parser_;
  char delimiter_ = ',';
  Columns columns_;
  Record record_;
  std::vector<std::string>* kept_ = nullptr;  ///< takes every field where the names or the first rows are looked at
  std::uint64_t rows_ = 0;
  std::uint64_t unended_line_ = 0;  ///< the line of the last row if the file ends in it; 0: it does not
};

}  // namespace convoke
