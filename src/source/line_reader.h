// A list's text line by line, each with its number, read in blocks. Line breaks are LF, CR LF, and CR alone, as libcsv
// has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/text_file.h"

namespace convoke {

class LineReader {
 public:
  /// A line, or as much of it as is in one block.
  struct Piece {
    std::string_view text;  ///< with its line break; holds until the next call
    std::uint64_t line;     ///< from 1
    bool begins_line;
    bool ends_line;  ///< false: the line goes on in the next piece, unless the file ends
  };

  /// Throws as TextFile.
  LineReader(const std::string& path, std::optional<Encoding> encoding, std::stop_token stop)
      : file_(path, encoding, std::move(stop)) {}

  /// Nothing at the end.
  std::optional<Piece> next();

  /// Reads until the block holds a whole line, the first or the next one, which says so much of the others, or as much
  /// of it as there is room for; returns all that is at hand.
  std::string_view read_head();
  std::string_view at_hand() const { return {block_.data() + begin_, end_ - begin_}; }  ///< read, and not given out
  void skip(std::size_t bytes) { begin_ += bytes; }                                     ///< of what is at hand

  std::uint64_t line() const { return line_; }
  bool is_unended() const { return !at_line_start_ && !cr_pending_; }  ///< what was given out ends in a line
  std::optional<double> share_read() const;                            ///< as MemberSource
  const std::string& name() const { return file_.name(); }

 private:
  bool fill();  ///< reads the next block; false at the end of the file
  bool read_more();
  void find_lf();

  TextFile file_;
  std::vector<char> block_ = std::vector<char>(256UL * 1024);
  std::size_t begin_ = 0;    ///< what of the block is not given out yet begins here
  std::size_t end_ = 0;      ///< and ends here
  std::size_t next_lf_ = 0;  ///< the first LF at or after begin_, or end_; stale if before begin_
  bool file_ended_ = false;
  std::uint64_t taken_ = 0;  ///< bytes of the text, those of this block included
  std::uint64_t line_ = 1;
  bool at_line_start_ = true;  ///< nothing of the line is given out yet
  bool cr_pending_ = false;    ///< the last block ended in CR: alone or half of a CR LF
};

}  // namespace convoke
