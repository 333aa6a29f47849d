// Members from a sheet of an Excel workbook (.xlsx), in a stream: its parts are unpacked, parsed and given out row by
// row, and what cells share is in a temporary file.
#pragma once

#include <string>
#include <vector>

#include "source/columns.h"
#include "source/member_source.h"
#include "source/sheet_reader.h"
#include "source/workbook.h"
#include "source/zip_file.h"

namespace convoke {

class XlsxSource final : public MemberSource {
 public:
  explicit XlsxSource(const XlsxSettings& settings, std::stop_token stop = {});
  XlsxSource(const XlsxSource&) = delete;
  XlsxSource& operator=(const XlsxSource&) = delete;

  std::optional<SourceRow> next() override;
  std::optional<double> share_read() const override { return rows_.share_read(); }

 private:
  void find_columns(const XlsxSettings& settings);
  void go_to_header(const std::optional<std::int64_t>& row);
  bool next_with_text();  ///< to the next row that has some; false at the end
  std::vector<std::vector<std::string>> first_rows();

  ZipFile file_;
  Workbook workbook_;
  SheetReader rows_;
  Columns columns_;
};

}  // namespace convoke
