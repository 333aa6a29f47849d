#include "source/xlsx_source.h"

#include <fmt/format.h>

#include <utility>

#include "base/blanks.h"
#include "base/error.h"

namespace convoke {

XlsxSource::XlsxSource(const XlsxSettings& settings, std::stop_token stop)
    : file_(settings.path, std::move(stop)),
      workbook_(read_workbook(file_)),
      rows_(file_, workbook_, sheet_of(workbook_, settings.sheet, file_.name())) {
  if (settings.header) {
    find_columns(settings);
  } else {
    columns_ = columns_by_number(names_in(settings), file_.name());
  }
  rows_.keep({columns_.member, columns_.target, columns_.email});
}

std::optional<SourceRow> XlsxSource::next() {
  if (!next_with_text()) return std::nullopt;
  return SourceRow{rows_.row(), trim_blanks(rows_.text(columns_.member)), trim_blanks(rows_.text(columns_.target)),
                   trim_blanks(rows_.text(columns_.email))};
}

void XlsxSource::find_columns(const XlsxSettings& settings) {
  rows_.keep_all();
  go_to_header(settings.header_row);
  columns_ =
      columns_by_name(trimmed(rows_.texts()), names_in(settings), rows_.where(), [this] { return first_rows(); });
}

void XlsxSource::go_to_header(const std::optional<std::int64_t>& row) {
  const auto wanted = static_cast<std::uint64_t>(row.value_or(1));
  bool found = next_with_text();
  while (row && found && rows_.row() < wanted) found = next_with_text();
  if (found && (!row || rows_.row() == wanted)) return;
  if (!row) throw Error(Exit::bad_source, "is empty: it has no header row", rows_.name());
  throw Error(Exit::bad_source, fmt::format("row {} is empty, and no header row", wanted), rows_.name(),
              hint_for_empty_header("row", found ? std::optional(rows_.row()) : std::nullopt));
}

bool XlsxSource::next_with_text() {
  while (rows_.next()) {
    if (rows_.has_text()) return true;
  }
  return false;
}

std::vector<std::vector<std::string>> XlsxSource::first_rows() {
  std::vector<std::vector<std::string>> rows;
  try {
    while (rows.size() < rows_looked_at && next_with_text()) rows.push_back(rows_.texts());
  } catch (const Error&) {
    // What is wrong further down is not what is to be said now.
  }
  return rows;
}

}  // namespace convoke
