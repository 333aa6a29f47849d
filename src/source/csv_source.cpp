#include "source/csv_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/blanks.h"
#include "base/error.h"
#include "base/text.h"
#include "source/first_line.h"
#include "source/foreign_file.h"

namespace convoke {
namespace {

constexpr std::size_t longest_field = longest_value;  // beyond it, a quote is missing somewhere
constexpr std::size_t head_size = 4096;               // where a file that is no text shows it

}  // namespace

// CSV_REPALL_NL: every line break outside quotes is reported, so that a line that ends without a report is known to go
// on in the next one.
CsvSource::Parser::Parser() : csv_parser{} {
  csv_init(this, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL);
  csv_set_blk_size(this, 4096);
}

CsvSource::CsvSource(const CsvSettings& settings, std::stop_token stop)
    : lines_(settings.path, settings.encoding, std::move(stop)) {
  begin(settings);
  if (settings.header) {
    read_header(settings);
  } else {
    columns_ = columns_by_number(names_in(settings), lines_.name());
  }
}

std::optional<SourceRow> CsvSource::next() {
  if (!read_record()) return std::nullopt;
  ++rows_;
  return SourceRow{record_.line, trim_blanks(record_.member), trim_blanks(record_.target), trim_blanks(record_.email)};
}

std::vector<std::string> CsvSource::remarks() const {
  // A header and one row: too short to have a custom that its last line could break.
  if (unended_line_ == 0 || rows_ < 2) return {};
  return {fmt::format("{}: the last line (line {}) has no line end where the others have one: the file may be cut off",
                      excerpt(lines_.name()), unended_line_)};
}

bool CsvSource::read_record() {
  begin_record();
  while (const auto piece = lines_.next()) {
    const bool begins_record = piece->begins_line && record_.has_ended;
    if (begins_record) record_.line = piece->line;
    if (piece->begins_line) record_.has_ended = false;
    if (begins_record && piece->ends_line && kept_ == nullptr &&
        std::memchr(piece->text.data(), '"', piece->text.size()) == nullptr) {
      split(piece->text);
    } else {
      feed(*piece);
    }
    // Where every field is kept: a header that long is none.
    if (kept_ != nullptr && (record_.size += piece->text.size()) > longest_field)
      fail(record_.line, fmt::format("the row is longer than {} bytes", longest_field), "a line may have no end");
    if (record_.has_ended && record_.has_text) return true;
    if (record_.has_ended) begin_record();
  }
  if (csv_fini(&parser_, on_field, on_record, this) != 0) {
    fail(record_.line, "a quoted field has no end", "close the quote, or double a quote that is part of the text");
  }
  if (record_.has_text && lines_.is_unended()) unended_line_ = lines_.line();
  return record_.has_text;
}

void CsvSource::begin_record() {
  record_.fields = 0;
  record_.has_text = false;
  record_.size = 0;
  record_.member.clear();
  record_.email.clear();
  record_.target.clear();
  if (kept_ != nullptr) kept_->clear();
}

void CsvSource::feed(const LineReader::Piece& piece) {
  const std::size_t fed = csv_parse(&parser_, piece.text.data(), piece.text.size(), on_field, on_record, this);
  if (fed != piece.text.size()) {
    if (const int error = csv_error(&parser_); error != CSV_EPARSE)
      throw Error(Exit::disk, fmt::format("cannot be taken apart: {}", csv_strerror(error)), lines_.name());
    fail(piece.line,
         record_.line == piece.line
             ? "a quote stands where none may"
             : fmt::format("a quote stands where none may (the record starts in line {})", record_.line),
         "quote the whole field and double the quotes within it; or an earlier quote has no end");
  }
  if (csv_get_buffer_size(&parser_) > longest_field) {
    fail(record_.line, fmt::format("a field is longer than {} bytes", longest_field), "a quote may have no end");
  }
}

/// Does what feed() would do to a whole line that is a record by itself and has no quote.
void CsvSource::split(std::string_view line) {
  record_.has_ended = true;
  line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
  record_.has_text = std::any_of(line.begin(), line.end(), [this](char c) { return c != delimiter_ && !is_blank(c); });
  if (!record_.has_text) return;
  for (std::size_t column = 0;; ++column) {
    const std::size_t size = std::min(line.find(delimiter_), line.size());
    if (column == columns_.member) record_.member.assign(line, 0, size);
    if (column == columns_.email) record_.email.assign(line, 0, size);
    if (column == columns_.target) record_.target.assign(line, 0, size);
    if (size == line.size()) return;
    line.remove_prefix(size + 1);
  }
}

/// To the header, or to the first row where there is none: past the byte order mark, Excel's own line, and whatever
/// stands above the header. Which is no CSV, it may be: a title with a quote in it.
void CsvSource::begin(const CsvSettings& settings) {
  const std::string_view head = lines_.read_head();
  refuse_foreign(head.substr(0, head_size), settings.path, lines_.name());
  if (head.starts_with("\xEF\xBB\xBF")) lines_.skip(3);
  const std::string_view line = first_line(lines_.at_hand());
  const auto sep = line.data() == lines_.at_hand().data() ? delimiter_of_sep_line(line) : std::nullopt;
  if (sep) lines_.next();
  const auto header_row = static_cast<std::uint64_t>(settings.header_row.value_or(1));
  while ((!lines_.at_hand().empty() || !lines_.read_head().empty()) && lines_.line() < header_row) lines_.next();
  delimiter_ = settings.delimiter ? *settings.delimiter : sep ? *sep : guess_delimiter(first_line(lines_.read_head()));
  csv_set_delim(&parser_, static_cast<unsigned char>(delimiter_));
}

void CsvSource::read_header(const CsvSettings& settings) {
  std::vector<std::string> names;
  kept_ = &names;
  const bool found = read_record();
  kept_ = nullptr;
  if (settings.header_row && (!found || record_.line != static_cast<std::uint64_t>(*settings.header_row))) {
    fail(static_cast<std::uint64_t>(*settings.header_row), "is empty, and no header row",
         hint_for_empty_header("line", found ? std::optional(record_.line) : std::nullopt));
  }
  if (!found) throw Error(Exit::bad_source, "is empty: it has no header row", lines_.name());
  const ColumnNames wanted = names_in(settings);
  const std::string& first = wanted.member ? *wanted.member : *wanted.email;
  if (names.size() == 1 && trim_blanks(names[0]) != first) {
    // One column with another delimiter in its name: the commonest reason why a column is not found.
    if (const auto other = names[0].find_first_of(";,\t|"); other != std::string::npos) {
      const char delimiter = names[0][other];
      fail(record_.line, fmt::format("there is no column \"{}\"", first),
           fmt::format("the columns seem to be delimited otherwise: in [source], delimiter = \"{0}\" (without a job "
                       "file: --delimiter {1})",
                       delimiter == '\t' ? "\\t" : std::string(1, delimiter),
                       delimiter == '\t' ? "tab" : shell_word(std::string(1, delimiter))));
    }
  }
  const std::string where = fmt::format("{}:{}", lines_.name(), record_.line);
  columns_ = columns_by_name(trimmed(std::move(names)), wanted, where, [this] { return first_rows(); });
}

/// Of what is read already: nobody waits for a slow list to hear that its column is not there.
std::vector<std::vector<std::string>> CsvSource::first_rows() {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> fields;
  kept_ = &fields;
  try {
    while (rows.size() < rows_looked_at && !lines_.at_hand().empty() && read_record()) rows.push_back(fields);
  } catch (const Error&) {
    // What is wrong further down is not what is to be said now.
  }
  kept_ = nullptr;
  return rows;
}

void CsvSource::fail(std::uint64_t line, std::string what, std::string hint) const {
  throw Error(Exit::bad_source, std::move(what), fmt::format("{}:{}", lines_.name(), line), std::move(hint));
}

void CsvSource::on_field(void* text, std::size_t size, void* self) noexcept {
  auto& source = *static_cast<CsvSource*>(self);
  const std::string_view field(static_cast<const char*>(text), size);
  const std::size_t column = source.record_.fields++;
  source.record_.has_text = source.record_.has_text || !trim_blanks(field).empty();
  if (column == source.columns_.member) source.record_.member = field;
  if (column == source.columns_.email) source.record_.email = field;
  if (column == source.columns_.target) source.record_.target = field;
  if (source.kept_ != nullptr) source.kept_->emplace_back(field);
}

void CsvSource::on_record(int, void* self) noexcept {
  static_cast<CsvSource*>(self)->record_.has_ended = true;
}

}  // namespace convoke
