#include "source/csv_source.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "base/error.h"
#include "source/columns.h"

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

CsvSource::CsvSource(const CsvSettings& settings)
    : file_(settings.path), block_(block_size), delimiter_(settings.delimiter) {
  // CSV_REPALL_NL: every line break outside quotes is reported, so that a line that ends without a report is known to
  // go on in the next one.
  csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL);
  csv_set_delim(&parser_, static_cast<unsigned char>(settings.delimiter));
  csv_set_blk_size(&parser_, 4096);
  try {
    check_head();
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
  return SourceRow{record_line_, trim_blanks(member_), trim_blanks(course_)};
}

bool CsvSource::read_record() {
  field_count_ = 0;
  member_.clear();
  course_.clear();
  while (begin_ < end_ || fill()) {
    const bool begins_record = at_line_start_ && record_ended_;
    if (begins_record) record_line_ = line_;
    if (at_line_start_) record_ended_ = false;
    at_line_start_ = false;
    const std::string_view piece = take_piece();
    const bool ends_line = piece.back() == '\n' || (piece.back() == '\r' && begin_ < end_);
    if (begins_record && ends_line && header_ == nullptr && std::memchr(piece.data(), '"', piece.size()) == nullptr) {
      split(piece);
    } else {
      feed(piece);
    }
    if (ends_line) {
      end_line();
    } else {
      cr_pending_ = piece.back() == '\r';
    }
    if (record_ended_ && field_count_ > 0) return true;
  }
  if (csv_fini(&parser_, on_field, on_record, this) != 0) {
    fail(record_line_, "a quoted field has no end", "close the quote, or double a quote that is part of the text");
  }
  return field_count_ > 0;
}

bool CsvSource::fill() {
  if (file_ended_) return false;
  begin_ = 0;
  end_ = file_.read(block_.data(), block_.size());
  next_lf_ = 0;
  file_ended_ = end_ < block_.size();
  if (end_ == 0) return false;
  const auto* lf = static_cast<const char*>(std::memchr(block_.data(), '\n', end_));
  next_lf_ = lf == nullptr ? end_ : static_cast<std::size_t>(lf - block_.data());
  if (cr_pending_ && block_[0] != '\n') end_line();
  cr_pending_ = false;
  return true;
}

/// The rest of the block up to its next line break and with it: LF, CR LF, or CR alone, as libcsv has it.
std::string_view CsvSource::take_piece() {
  const char* begin = block_.data() + begin_;
  if (next_lf_ < begin_) {
    const auto* lf = static_cast<const char*>(std::memchr(begin, '\n', end_ - begin_));
    next_lf_ = lf == nullptr ? end_ : static_cast<std::size_t>(lf - block_.data());
  }
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
    if (csv_error(&parser_) != CSV_EPARSE) throw std::bad_alloc();
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
  if (trim_blanks(line).empty() && line.find(delimiter_) == std::string_view::npos)
    return;  // an empty line is no record
  for (;; ++field_count_) {
    const std::size_t size = std::min(line.find(delimiter_), line.size());
    if (field_count_ == member_column_) member_.assign(line, 0, size);
    if (field_count_ == course_column_) course_.assign(line, 0, size);
    if (size == line.size()) break;
    line.remove_prefix(size + 1);
  }
  ++field_count_;
}

void CsvSource::end_line() {
  ++line_;
  at_line_start_ = true;
}

void CsvSource::check_head() {
  if (!fill()) return;
  const std::string_view head(block_.data(), std::min(end_, head_size));
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) {
    throw Error(Exit::bad_source, "is UTF-16 text, not UTF-8", file_.name(),
                "iconv -f UTF-16 -t UTF-8 FILE > FILE.utf8.csv");
  }
  if (head.find('\0') != std::string_view::npos) {
    throw Error(Exit::bad_source, "is not a CSV file: it holds NUL bytes", file_.name(),
                "export the list as CSV in UTF-8; a spreadsheet's own format is not read");
  }
  if (head.starts_with("\xEF\xBB\xBF")) begin_ = 3;
}

void CsvSource::read_header(const CsvSettings& settings) {
  std::vector<std::string> names;
  header_ = &names;
  const bool found = read_record();
  header_ = nullptr;
  if (!found) throw Error(Exit::bad_source, "is empty: it has no header row", file_.name());
  for (std::string& name : names) name = std::string(trim_blanks(name));
  if (names.size() == 1 && names[0] != settings.member_column) {
    // One column with another delimiter in its name: the commonest reason why a column is not found.
    if (const auto other = names[0].find_first_of(";,\t|"); other != std::string::npos) {
      const char delimiter = names[0][other];
      fail(record_line_, fmt::format("there is no column \"{}\"", settings.member_column),
           fmt::format("the columns seem to be delimited otherwise: in [source], delimiter = \"{}\"",
                       delimiter == '\t' ? "\\t" : std::string(1, delimiter)));
    }
  }
  const std::string where = fmt::format("{}:{}", file_.name(), record_line_);
  member_column_ = column_index(names, settings.member_column, where);
  if (settings.course_column) course_column_ = column_index(names, *settings.course_column, where);
}

void CsvSource::fail(std::uint64_t line, std::string what, std::string hint) const {
  throw Error(Exit::bad_source, std::move(what), fmt::format("{}:{}", file_.name(), line), std::move(hint));
}

void CsvSource::on_field(void* text, std::size_t size, void* self) noexcept {
  auto& source = *static_cast<CsvSource*>(self);
  const std::size_t column = source.field_count_++;
  if (column == source.member_column_) source.member_.assign(static_cast<const char*>(text), size);
  if (column == source.course_column_) source.course_.assign(static_cast<const char*>(text), size);
  if (source.header_ != nullptr) source.header_->emplace_back(static_cast<const char*>(text), size);
}

void CsvSource::on_record(int, void* self) noexcept {
  static_cast<CsvSource*>(self)->record_ended_ = true;
}

}  // namespace convoke
