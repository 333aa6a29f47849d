#include "source/csv_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "source/columns.h"
#include "source/first_line.h"
#include "source/foreign_file.h"

namespace convoke {
namespace {

constexpr std::size_t block_size = 256UL * 1024;
constexpr std::size_t longest_field = 1024UL * 1024;  // beyond it, a quote is missing somewhere
constexpr std::size_t head_size = 4096;               // where a file that is no text shows it

std::size_t column_number(const std::string& text, const std::string& where) {
  std::size_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || rest != text.data() + text.size() || number == 0) {
    throw Error(Exit::bad_config, fmt::format("\"{}\" is not the number of a column", text), where,
                "without a header row, columns are given by number, from 1");
  }
  return number - 1;
}

}  // namespace

CsvSource::CsvSource(const CsvSettings& settings, std::stop_token stop)
    : file_(settings.path, std::move(stop)), block_(block_size) {
  // CSV_REPALL_NL: every line break outside quotes is reported, so that a line that ends without a report is known to
  // go on in the next one.
  csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL);
  csv_set_blk_size(&parser_, 4096);
  try {
    read_head();
    check_head(settings.path);
    settle_delimiter(settings.delimiter);
    if (settings.header) {
      read_header(settings);
    } else {
      member_column_ = column_number(settings.member_column, file_.name());
      if (settings.course_column) course_column_ = column_number(*settings.course_column, file_.name());
    }
  } catch (...) {
    csv_free(&parser_);
    throw;
  }
}

CsvSource::~CsvSource() {
  csv_free(&parser_);
}

std::optional<SourceRow> CsvSource::next() {
  if (!read_record()) return std::nullopt;
  ++rows_;
  return SourceRow{record_line_, trim_blanks(member_), trim_blanks(course_)};
}

std::vector<std::string> CsvSource::remarks() const {
  // A header and one row: too short to have a custom that its last line could break.
  if (unended_line_ == 0 || rows_ < 2) return {};
  return {fmt::format("{}: the last line (line {}) has no line end where the others have one: the file may be cut off",
                      excerpt(file_.name()), unended_line_)};
}

std::optional<double> CsvSource::share_read() const {
  if (!file_.size()) return std::nullopt;
  const std::uint64_t used = taken_ - (end_ - begin_);
  if (used >= *file_.size()) return 1.0;  // also of a file that is empty, or grows meanwhile
  return static_cast<double>(used) / static_cast<double>(*file_.size());
}

bool CsvSource::read_record() {
  begin_record();
  while (begin_ < end_ || fill()) {
    const bool begins_record = at_line_start_ && record_ended_;
    if (begins_record) record_line_ = line_;
    if (at_line_start_) record_ended_ = false;
    at_line_start_ = false;
    const std::string_view piece = take_piece();
    if (begins_record && ends_line(piece) && fields_ == nullptr &&
        std::memchr(piece.data(), '"', piece.size()) == nullptr) {
      split(piece);
    } else {
      feed(piece);
    }
    // Where every field is kept: a header that long is none.
    if (fields_ != nullptr && (record_size_ += piece.size()) > longest_field)
      fail(record_line_, fmt::format("the row is longer than {} bytes", longest_field), "a line may have no end");
    pass(piece);
    if (record_ended_ && has_text_) return true;
    if (record_ended_) begin_record();
  }
  if (csv_fini(&parser_, on_field, on_record, this) != 0) {
    fail(record_line_, "a quoted field has no end", "close the quote, or double a quote that is part of the text");
  }
  if (has_text_ && !at_line_start_ && !cr_pending_) unended_line_ = line_;
  return has_text_;
}

void CsvSource::begin_record() {
  field_count_ = 0;
  has_text_ = false;
  record_size_ = 0;
  member_.clear();
  course_.clear();
  if (fields_ != nullptr) fields_->clear();
}

bool CsvSource::fill() {
  begin_ = 0;
  end_ = 0;
  if (!read_more()) return false;
  find_lf();
  if (cr_pending_ && block_[0] != '\n') end_line();
  cr_pending_ = false;
  return true;
}

/// Reads into what is left of the block; false at the end of the file.
bool CsvSource::read_more() {
  if (file_ended_) return false;
  const std::size_t got = file_.read(block_.data() + end_, block_.size() - end_);
  file_ended_ = got == 0;
  end_ += got;
  taken_ += got;
  return !file_ended_;
}

void CsvSource::find_lf() {
  const auto* lf = static_cast<const char*>(std::memchr(block_.data() + begin_, '\n', end_ - begin_));
  next_lf_ = lf == nullptr ? end_ : static_cast<std::size_t>(lf - block_.data());
}

/// The rest of the block up to its next line break and with it: LF, CR LF, or CR alone, as libcsv has it.
std::string_view CsvSource::take_piece() {
  const char* begin = block_.data() + begin_;
  if (next_lf_ < begin_) find_lf();
  std::size_t size = (next_lf_ < end_ ? next_lf_ + 1 : end_) - begin_;
  if (const auto* cr = static_cast<const char*>(std::memchr(begin, '\r', size))) {
    const auto after = static_cast<std::size_t>(cr - begin) + 1;
    if (after < size && begin[after] != '\n') size = after;
  }
  begin_ += size;
  return {begin, size};
}

void CsvSource::feed(std::string_view piece) {
  const std::size_t fed = csv_parse(&parser_, piece.data(), piece.size(), on_field, on_record, this);
  if (fed != piece.size()) {
    if (const int error = csv_error(&parser_); error != CSV_EPARSE)
      throw Error(Exit::disk, fmt::format("cannot be taken apart: {}", csv_strerror(error)), file_.name());
    fail(line_,
         record_line_ == line_
             ? "a quote stands where none may"
             : fmt::format("a quote stands where none may (the record starts in line {})", record_line_),
         "quote the whole field and double the quotes within it; or an earlier quote has no end");
  }
  if (csv_get_buffer_size(&parser_) > longest_field) {
    fail(record_line_, fmt::format("a field is longer than {} bytes", longest_field), "a quote may have no end");
  }
}

/// Does what feed() would do to a whole line that is a record by itself and has no quote.
void CsvSource::split(std::string_view line) {
  record_ended_ = true;
  line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
  has_text_ = std::any_of(line.begin(), line.end(), [this](char c) { return c != delimiter_ && !is_blank(c); });
  if (!has_text_) return;
  for (;; ++field_count_) {
    const std::size_t size = std::min(line.find(delimiter_), line.size());
    if (field_count_ == member_column_) member_.assign(line, 0, size);
    if (field_count_ == course_column_) course_.assign(line, 0, size);
    if (size == line.size()) break;
    line.remove_prefix(size + 1);
  }
  ++field_count_;
}

bool CsvSource::ends_line(std::string_view piece) const {
  return piece.back() == '\n' || (piece.back() == '\r' && begin_ < end_);
}

void CsvSource::pass(std::string_view piece) {
  if (ends_line(piece)) {
    end_line();
  } else {
    cr_pending_ = piece.back() == '\r';
  }
}

void CsvSource::end_line() {
  ++line_;
  at_line_start_ = true;
}

/// Reads until the block holds the first line, which says so much of the others, or as much of it as there is room for.
void CsvSource::read_head() {
  const auto has_first_line = [this] {
    const std::string_view text = unfed();
    const std::string_view line = first_line(text);
    return line.data() + line.size() < text.data() + text.size();
  };
  while (end_ < block_.size() && !has_first_line() && read_more()) {
  }
  find_lf();
}

void CsvSource::check_head(const std::string& path) {
  refuse_foreign(unfed().substr(0, head_size), path, file_.name());
  if (unfed().starts_with("\xEF\xBB\xBF")) begin_ += 3;
}

void CsvSource::settle_delimiter(std::optional<char> wanted) {
  const std::string_view line = first_line(unfed());
  const auto sep = line.data() == unfed().data() ? delimiter_of_sep_line(line) : std::nullopt;
  delimiter_ = wanted ? *wanted : sep ? *sep : guess_delimiter(line);
  csv_set_delim(&parser_, static_cast<unsigned char>(delimiter_));
  if (sep) {
    at_line_start_ = false;
    pass(take_piece());
  }
}

std::string_view CsvSource::unfed() const {
  return {block_.data() + begin_, end_ - begin_};
}

void CsvSource::read_header(const CsvSettings& settings) {
  std::vector<std::string> names;
  fields_ = &names;
  const bool found = read_record();
  fields_ = nullptr;
  if (!found) throw Error(Exit::bad_source, "is empty: it has no header row", file_.name());
  for (std::string& name : names) name = std::string(trim_blanks(name));
  if (names.size() == 1 && names[0] != settings.member_column) {
    // One column with another delimiter in its name: the commonest reason why a column is not found.
    if (const auto other = names[0].find_first_of(";,\t|"); other != std::string::npos) {
      const char delimiter = names[0][other];
      fail(record_line_, fmt::format("there is no column \"{}\"", settings.member_column),
           fmt::format("the columns seem to be delimited otherwise: in [source], delimiter = \"{0}\" (without a job "
                       "file: --delimiter {1})",
                       delimiter == '\t' ? "\\t" : std::string(1, delimiter),
                       delimiter == '\t' ? "tab" : shell_word(std::string(1, delimiter))));
    }
  }
  const std::string where = fmt::format("{}:{}", file_.name(), record_line_);
  member_column_ = column_index(names, settings.member_column, where, [this] { return first_rows(); });
  if (settings.course_column) course_column_ = column_index(names, *settings.course_column, where);
}

/// Of what is read already: nobody waits for a slow list to hear that its column is not there.
std::vector<std::vector<std::string>> CsvSource::first_rows() {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> fields;
  fields_ = &fields;
  try {
    while (rows.size() < rows_looked_at && begin_ < end_ && read_record()) rows.push_back(fields);
  } catch (const Error&) {
    // What is wrong further down is not what is to be said now.
  }
  fields_ = nullptr;
  return rows;
}

void CsvSource::fail(std::uint64_t line, std::string what, std::string hint) const {
  throw Error(Exit::bad_source, std::move(what), fmt::format("{}:{}", file_.name(), line), std::move(hint));
}

void CsvSource::on_field(void* text, std::size_t size, void* self) noexcept {
  auto& source = *static_cast<CsvSource*>(self);
  const std::size_t column = source.field_count_++;
  source.has_text_ = source.has_text_ || !trim_blanks({static_cast<const char*>(text), size}).empty();
  if (column == source.member_column_) source.member_.assign(static_cast<const char*>(text), size);
  if (column == source.course_column_) source.course_.assign(static_cast<const char*>(text), size);
  if (source.fields_ != nullptr) source.fields_->emplace_back(static_cast<const char*>(text), size);
}

void CsvSource::on_record(int, void* self) noexcept {
  static_cast<CsvSource*>(self)->record_ended_ = true;
}

}  // namespace convoke
