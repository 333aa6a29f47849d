// The rows of a workbook's sheet, in a stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/cell_format.h"
#include "source/shared_strings.h"
#include "source/workbook.h"
#include "source/xml_reader.h"
#include "source/zip_file.h"

namespace convoke {

class SheetReader final : private XmlHandler {
 public:
  /// `file` must outlive it. Throws as ZipFile::open() and XmlReader.
  SheetReader(ZipFile& file, const Workbook& workbook, const Workbook::Sheet& sheet);

  /// Goes to the next row that the sheet has, which may be empty; false at the end. Throws as XmlReader, and Error
  /// bad_source with the row: rows or columns that do not ascend, or are none that a sheet has, texts that are not
  /// there, values longer than any may be.
  bool next();

  // Of the row that next() has gone to.
  std::uint64_t row() const { return row_; }   ///< its number, as the spreadsheet shows it
  bool has_text() const { return has_text_; }  ///< a cell is not blank
  /// The text of the cell in that column, from 0, if it is one of those that are kept; empty if there is none. Holds
  /// until the next call of next().
  std::string_view text(std::size_t column) const;
  /// Of all columns, if all are kept, up to the last cell.
  const std::vector<std::string>& texts() const { return texts_; }

  /// Which columns' texts are kept; none, until it is called.
  void keep(std::vector<std::size_t> columns);
  void keep_all();

  /// The file and its sheet, and the row: what messages call them.
  std::string name() const;
  std::string where() const;

  double share_read() const { return part_->share_read(); }

 private:
  enum class Type { number, shared, text, boolean };

  void begin(std::string_view element, const XmlAttributes& attributes) override;
  void end(std::string_view element) override;
  void text(std::string_view text) override;

  void begin_row(const XmlAttributes& attributes);
  void begin_cell(const XmlAttributes& attributes);
  void place_cell(std::string_view reference);
  void end_cell();
  void settle_value();  ///< from what stands in the file to what the cell shows
  void keep_value();
  bool is_kept() const;
  [[noreturn]] void fail(const std::string& what) const;

  std::string file_;
  std::string sheet_;
  bool from_1904_;
  CellFormats formats_;
  SharedStrings strings_;
  std::unique_ptr<ZipPart> part_;
  XmlReader xml_;

  bool is_in_rows_ = false;
  bool is_in_row_ = false;
  bool is_in_cell_ = false;
  bool is_in_value_ = false;
  int phonetic_ = 0;

  std::uint64_t row_ = 0;
  bool has_text_ = false;
  std::vector<std::size_t> kept_;
  bool are_all_kept_ = false;
  std::vector<std::string> texts_;  ///< by the places in kept_, or by columns if all are
  std::size_t kept_size_ = 0;       ///< bytes of them, where all are kept

  std::size_t columns_ = 0;  ///< of the row so far, those between cells included
  Type type_ = Type::number;
  std::uint64_t format_ = 0;
  std::string value_;
};

}  // namespace convoke
