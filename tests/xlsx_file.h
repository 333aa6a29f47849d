// Excel workbooks for tests, written part by part.
#pragma once

#include <fmt/format.h>
#include <zip.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "temp_folder.h"

namespace convoke {

using Parts = std::vector<std::pair<std::string, std::string>>;  // names, and what they hold

inline std::string write_zip(const std::string& path, const Parts& parts) {
  zip_t* file = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  if (file == nullptr) throw std::runtime_error("no zip file");
  for (const auto& [name, text] : parts) {
    zip_source_t* source = zip_source_buffer(file, text.data(), text.size(), 0);
    if (zip_file_add(file, name.c_str(), source, ZIP_FL_ENC_UTF_8) < 0) throw std::runtime_error("no part " + name);
  }
  if (zip_close(file) != 0) throw std::runtime_error("no zip file");
  return path;
}

/// What stands in a workbook where tests differ, as XML; the rest is as Excel has it.
struct XlsxText {
  std::string rows = {};     ///< within <sheetData> of the first sheet
  std::string strings = {};  ///< within <sst>; empty: there is no such part
  std::string styles = {};   ///< within <styleSheet>; empty: there is no such part
  std::string properties = {};
  std::vector<std::string> sheets = {"Contacts"};  ///< the further ones have one row, "spotMemberId", and their name
};

inline std::string xml(const std::string& text) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n" + text;
}

inline Parts parts_of(const XlsxText& text) {
  const std::string main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
  const std::string types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/";
  const auto relations = [](const std::string& inside) {
    return xml("<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">" + inside +
               "</Relationships>");
  };
  const auto relation = [&](const std::string& id, const std::string& type, const std::string& target) {
    return fmt::format(R"(<Relationship Id="{}" Type="{}{}" Target="{}"/>)", id, types, type, target);
  };
  std::string sheets;
  std::string of_workbook = relation("rStyles", "styles", "styles.xml") + relation("rTheme", "theme", "theme.xml");
  Parts parts = {{"_rels/.rels", relations(relation("rId1", "officeDocument", "xl/workbook.xml"))}};
  for (std::size_t i = 0; i < text.sheets.size(); ++i) {
    sheets += fmt::format(R"(<sheet name="{}" sheetId="{}" r:id="rId{}"/>)", text.sheets[i], i + 1, i + 1);
    of_workbook += relation(fmt::format("rId{}", i + 1), "worksheet", fmt::format("worksheets/sheet{}.xml", i + 1));
    const std::string row = fmt::format(
        R"(<row r="1"><c r="A1" t="str"><v>id</v></c></row><row r="2"><c r="A2" t="str"><v>{}</v></c></row>)",
        text.sheets[i]);
    parts.emplace_back(fmt::format("xl/worksheets/sheet{}.xml", i + 1),
                       xml(fmt::format("<worksheet {}><sheetData>{}</sheetData><pageMargins left=\"0.7\"/></worksheet>",
                                       main, i == 0 ? text.rows : row)));
  }
  if (!text.strings.empty()) {
    of_workbook += relation("rStrings", "sharedStrings", "/xl/sharedStrings.xml");
    parts.emplace_back("xl/sharedStrings.xml", xml(fmt::format("<sst {}>{}</sst>", main, text.strings)));
  }
  parts.emplace_back("xl/styles.xml", xml(fmt::format("<styleSheet {}>{}</styleSheet>", main, text.styles)));
  parts.emplace_back("xl/workbook.xml",
                     xml(fmt::format(R"(<workbook {} xmlns:r="{}">{}<sheets>{}</sheets></workbook>)", main,
                                     types.substr(0, types.size() - 1), text.properties, sheets)));
  parts.emplace_back("xl/_rels/workbook.xml.rels", relations(of_workbook));
  return parts;
}

inline std::string write_xlsx(const TempFolder& folder, const XlsxText& text) {
  return write_zip(folder.file("list.xlsx"), parts_of(text));
}

/// A row of texts, each in its own cell; empty ones are left out.
inline std::string text_row(int number, const std::vector<std::string>& texts) {
  std::string row = fmt::format("<row r=\"{}\">", number);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) continue;
    row += fmt::format("<c r=\"{}{}\" t=\"inlineStr\"><is><t>{}</t></is></c>", static_cast<char>('A' + i), number,
                       texts[i]);
  }
  return row + "</row>";
}

}  // namespace convoke
