#include "source/sheet_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/blanks.h"
#include "base/error.h"
#include "base/numbers.h"
#include "base/text.h"
#include "source/settings.h"

namespace convoke {
namespace {

constexpr std::size_t most_columns = 16'384;

CellFormats formats_of(ZipFile& file, const Workbook& workbook) {
  return workbook.formats_part.empty() ? CellFormats() : CellFormats(file, workbook.formats_part);
}

}  // namespace

SheetReader::SheetReader(ZipFile& file, const Workbook& workbook, const Workbook::Sheet& sheet)
    : file_(file.name()),
      sheet_(sheet.name),
      from_1904_(workbook.from_1904),
      formats_(formats_of(file, workbook)),
      strings_(file, workbook.strings_part),
      part_(file.open(sheet.part)),
      xml_(*part_, *this, file.name(), sheet.part) {}

bool SheetReader::next() {
  if (xml_.run()) return true;
  strings_.read_rest();
  return false;
}

std::string_view SheetReader::text(std::size_t column) const {
  const auto found = std::find(kept_.begin(), kept_.end(), column);
  return found == kept_.end() ? std::string_view()
                              : std::string_view(texts_[static_cast<std::size_t>(found - kept_.begin())]);
}

void SheetReader::keep(std::vector<std::size_t> columns) {
  kept_ = std::move(columns);
  texts_.assign(kept_.size(), {});
  are_all_kept_ = false;
}

void SheetReader::keep_all() {
  kept_.clear();
  texts_.clear();
  are_all_kept_ = true;
}

void SheetReader::begin(std::string_view element, const XmlAttributes& attributes) {
  if (element == "c" && is_in_row_) {
    begin_cell(attributes);
  } else if (is_in_cell_) {
    if (element == "v" || element == "t") is_in_value_ = true;
    if (element == "rPh") ++phonetic_;
  } else if (element == "row" && is_in_rows_) {
    begin_row(attributes);
  } else if (element == "sheetData") {
    is_in_rows_ = true;
  }
}

void SheetReader::end(std::string_view element) {
  if (element == "c" && is_in_cell_) {
    is_in_cell_ = false;
    end_cell();
  } else if (is_in_cell_) {
    if (element == "v" || element == "t") is_in_value_ = false;
    if (element == "rPh") --phonetic_;
  } else if (element == "row" && is_in_row_) {
    is_in_row_ = false;
    xml_.pause();
  } else if (element == "sheetData") {
    is_in_rows_ = false;
  }
}

void SheetReader::text(std::string_view text) {
  if (!is_in_value_ || phonetic_ > 0) return;
  if (value_.size() + text.size() > longest_value) fail(fmt::format("a value is longer than {} bytes", longest_value));
  value_ += text;
}

void SheetReader::begin_row(const XmlAttributes& attributes) {
  if (is_in_row_) fail("is damaged: a row stands in a row");
  const std::uint64_t before = row_;
  row_ = before + 1;
  if (const auto number = attributes.get("r")) {
    const auto parsed = parse_number<std::uint64_t>(*number);
    if (!parsed) fail(fmt::format("is damaged: \"{}\" is no number of a row", excerpt(*number, 40)));
    row_ = *parsed;
  }
  if (row_ <= before) fail(fmt::format("is damaged: it stands below row {}", before));
  if (row_ > static_cast<std::uint64_t>(most_rows_of_a_sheet)) fail("is damaged: no sheet has so many rows");
  is_in_row_ = true;
  has_text_ = false;
  columns_ = 0;
  kept_size_ = 0;
  if (are_all_kept_) texts_.clear();
  for (std::string& text : texts_) text.clear();
}

void SheetReader::begin_cell(const XmlAttributes& attributes) {
  if (is_in_cell_) fail("is damaged: a cell stands in a cell");
  is_in_cell_ = true;
  is_in_value_ = false;
  value_.clear();
  if (const auto reference = attributes.get("r")) {
    place_cell(*reference);
  } else {
    ++columns_;
  }
  if (columns_ > most_columns) fail("is damaged: no sheet has so many columns");
  const std::string_view type = attributes.get("t").value_or("n");
  type_ = type == "s"   ? Type::shared
          : type == "n" ? Type::number
          : type == "b" ? Type::boolean
                        : Type::text;  // of a formula, inline, of an error, a date in ISO 8601
  if (type_ == Type::number) format_ = parse_number<std::uint64_t>(attributes.get("s").value_or("")).value_or(0);
}

/// "AB12": the column is of base 26 without a zero.
void SheetReader::place_cell(std::string_view reference) {
  std::size_t column = 0;
  std::size_t letters = 0;
  while (letters < reference.size() && letters < 4 && lower(reference[letters]) >= 'a' &&
         lower(reference[letters]) <= 'z')
    column = 26 * column + static_cast<std::size_t>(lower(reference[letters++]) - 'a') + 1;
  const auto row = parse_number<std::uint64_t>(reference.substr(letters));
  if (column == 0 || column > most_columns || row != row_)
    fail(fmt::format("is damaged: \"{}\" is no cell of it", excerpt(reference, 40)));
  if (column <= columns_) fail(fmt::format("is damaged: the cell {} stands behind a later one", reference));
  columns_ = column;
}

void SheetReader::end_cell() {
  const bool is_wanted = is_kept();
  if ((has_text_ && !is_wanted) || value_.empty()) return;
  settle_value();
  has_text_ = has_text_ || !trim_blanks(value_).empty();
  if (is_wanted) keep_value();
}

void SheetReader::settle_value() {
  switch (type_) {
    case Type::shared: {
      const auto number = parse_number<std::uint64_t>(trim_blanks(value_));
      if (!number || !strings_.get(*number, value_))
        fail(fmt::format("is damaged: the workbook has no shared text {}", excerpt(value_, 40)));
      return;
    }
    case Type::number:
      value_ = number_text(trim_blanks(value_), formats_.kind(format_), from_1904_);
      return;
    case Type::boolean:
      value_ = trim_blanks(value_) == "1" ? "TRUE" : trim_blanks(value_) == "0" ? "FALSE" : value_;
      return;
    case Type::text:
      unescape_text(value_);
      return;
  }
}

void SheetReader::keep_value() {
  if (!are_all_kept_) {
    const auto found = std::find(kept_.begin(), kept_.end(), columns_ - 1);
    // Two settings may name one column.
    for (auto at = found; at != kept_.end(); at = std::find(at + 1, kept_.end(), columns_ - 1))
      texts_[static_cast<std::size_t>(at - kept_.begin())] = value_;
    return;
  }
  kept_size_ += value_.size();
  if (kept_size_ > longest_value) fail(fmt::format("is longer than {} bytes", longest_value));
  texts_.resize(columns_);
  texts_.back() = value_;
}

bool SheetReader::is_kept() const {
  return are_all_kept_ || std::find(kept_.begin(), kept_.end(), columns_ - 1) != kept_.end();
}

std::string SheetReader::name() const {
  return fmt::format("{}: sheet \"{}\"", file_, excerpt(sheet_, 60));
}

std::string SheetReader::where() const {
  return fmt::format("{}, row {}", name(), row_);
}

void SheetReader::fail(const std::string& what) const {
  throw Error(Exit::bad_source, what, where(), "open it in a spreadsheet program, and save it anew");
}

}  // namespace convoke
