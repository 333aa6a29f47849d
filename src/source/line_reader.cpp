#include "source/line_reader.h"

#include <cstring>

#include "source/first_line.h"

namespace convoke {

std::optional<LineReader::Piece> LineReader::next() {
  if (begin_ == end_ && !fill()) return std::nullopt;
  const char* begin = block_.data() + begin_;
  if (next_lf_ < begin_) find_lf();
  std::size_t size = (next_lf_ < end_ ? next_lf_ + 1 : end_) - begin_;
  if (const auto* cr = static_cast<const char*>(std::memchr(begin, '\r', size))) {
    const auto after = static_cast<std::size_t>(cr - begin) + 1;
    if (after < size && begin[after] != '\n') size = after;
  }
  begin_ += size;
  const char last = begin[size - 1];
  const bool ends_line = last == '\n' || (last == '\r' && begin_ < end_);
  const Piece piece{{begin, size}, line_, at_line_start_, ends_line};
  at_line_start_ = ends_line;
  cr_pending_ = last == '\r' && !ends_line;
  if (ends_line) ++line_;
  return piece;
}

std::string_view LineReader::read_head() {
  const auto has_first_line = [this] {
    const std::string_view text = at_hand();
    const std::string_view line = first_line(text);
    return line.data() + line.size() < text.data() + text.size();
  };
  if (begin_ == end_ && !fill()) return {};
  // Room behind what is at hand; only what lines above it have left makes some.
  std::memmove(block_.data(), block_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  while (end_ < block_.size() && !has_first_line() && read_more()) {
  }
  find_lf();
  return at_hand();
}

std::optional<double> LineReader::share_read() const {
  if (!file_.size()) return std::nullopt;
  // Of what is packed or converted nobody knows where in the file the block at hand ends, but for the file's own
  // blocks.
  const std::uint64_t used = file_.is_plain() ? taken_ - (end_ - begin_) : file_.taken();
  if (used >= *file_.size()) return 1.0;  // also of a file that is empty, or grows meanwhile
  return static_cast<double>(used) / static_cast<double>(*file_.size());
}

bool LineReader::fill() {
  begin_ = 0;
  end_ = 0;
  if (!read_more()) return false;
  find_lf();
  if (cr_pending_ && block_[0] != '\n') {
    ++line_;
    at_line_start_ = true;
  }
  cr_pending_ = false;
  return true;
}

/// Reads into what is left of the block; false at the end of the file.
bool LineReader::read_more() {
  if (file_ended_) return false;
  const std::size_t got = file_.read(block_.data() + end_, block_.size() - end_);
  file_ended_ = got == 0;
  end_ += got;
  taken_ += got;
  return !file_ended_;
}

void LineReader::find_lf() {
  const auto* lf = static_cast<const char*>(std::memchr(block_.data() + begin_, '\n', end_ - begin_));
  next_lf_ = lf == nullptr ? end_ : static_cast<std::size_t>(lf - block_.data());
}

}  // namespace convoke
