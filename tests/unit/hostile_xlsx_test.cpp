// Workbooks that are no workbooks, or such as nobody's program writes: refused, with what is wrong, in bounded memory.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "source_rows.h"
#include "temp_folder.h"
#include "xlsx_file.h"

using namespace convoke;

namespace {

std::string error_at(const std::string& path) {
  const std::string error = error_of([&] { rows_of(XlsxSettings{.path = path, .member_column = "id"}); });
  CHECK((error == "no error" || error.starts_with("65 " + path + ": ")));
  return error;
}

std::string error_of_parts(const Parts& parts) {
  const TempFolder folder;
  return error_at(write_zip(folder.file("list.xlsx"), parts));
}

std::string error_of_rows(const std::string& rows) {
  return error_of_parts(parts_of({.rows = text_row(1, {"id"}) + rows}));
}

Parts parts_with(const std::string& name, const std::string& text) {
  Parts parts = parts_of({.rows = text_row(1, {"id"}) + text_row(2, {"a"})});
  for (auto& part : parts) {
    if (part.first == name) part.second = text;
  }
  return parts;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr auto sheet = "xl/worksheets/sheet1.xml";

}  // namespace

TEST_CASE("what is given for a workbook and is none is told, with the way out") {
  const TempFolder folder;
  using namespace std::literals;
  std::string encrypted = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + std::string(70'000, '\0');
  for (const char c : "EncryptedPackage"sv) encrypted += {c, '\0'};
  encrypted += std::string(1000, '\0');
  CHECK(contains(error_at(folder.write("a.xlsx", encrypted)), "is protected by a password | open it"));
  CHECK(contains(error_at(folder.write("a.xls", "\xD0\xCF\x11\xE0" + std::string(9000, 'x'))),
                 "is an old spreadsheet (.xls), not .xlsx | open it in a spreadsheet program, and save it as .xlsx"));
  CHECK(contains(error_at(folder.write("a.csv", "id\na\n")), "is not an .xlsx spreadsheet | if it is CSV: csv = "));
  CHECK(contains(error_at(folder.write("empty", "")), "is empty"));
  CHECK(contains(error_of_parts({{"content.xml", "x"}}), "is an OpenDocument file (.ods), not .xlsx"));
  CHECK(contains(error_of_parts({{"a.csv", "id"}}), "is a zip file, and no .xlsx spreadsheet"));
  CHECK(contains(error_at(folder.path().string()), "is a folder"));
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  CHECK(contains(error_at(folder.file("pipe")), "is no regular file, which a spreadsheet must be"));
  CHECK(contains(error_of([&] { rows_of(XlsxSettings{.path = folder.file("none.xlsx")}); }), "66 "));
}

TEST_CASE("a workbook that is cut off or damaged anywhere is refused, and is no smaller list") {
  const TempFolder folder;
  XlsxText text{.rows = text_row(1, {"id"}), .strings = "<si><t>shared</t></si><si><t>never asked for</t></si>"};
  for (int row = 2; row < 500; ++row) text.rows += text_row(row, {fmt::format("member-{}", row * 7919 % 1000)});
  const std::string whole = bytes_of(write_xlsx(folder, text));
  CHECK(error_at(folder.write("whole.xlsx", whole)) == "no error");
  for (std::size_t size = whole.size() - 1; size > 4; size = size * 4 / 5) {
    CAPTURE(size);
    CHECK(contains(error_at(folder.write("cut.xlsx", whole.substr(0, size))), "is damaged or cut off ("));
  }
  // A bit of the data of each part that is read, in its middle: between its name and that of the next.
  for (const std::string part : {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"}) {
    CAPTURE(part);
    std::string damaged = whole;
    const std::size_t begin = whole.find(part) + part.size();
    const std::size_t end = whole.find("PK\x03\x04", begin);
    const std::size_t at = std::min(begin + (end - begin) / 2, whole.size() - 1);
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CHECK(contains(error_at(folder.write("damaged.xlsx", damaged)), "is damaged"));
  }
}

TEST_CASE("parts that are missing, or there twice, are said") {
  Parts parts = parts_of({.rows = text_row(1, {"id"})});
  parts.emplace_back("XL/Worksheets/sheet1.xml", "x");
  CHECK(contains(error_of_parts(parts), "is damaged: it has the part \""));
  for (const std::string name :
       {"xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"}) {
    CAPTURE(name);
    Parts fewer = parts_of({.rows = text_row(1, {"id"})});
    std::erase_if(fewer, [&](const auto& part) { return part.first == name; });
    CHECK(contains(error_of_parts(fewer), fmt::format("is damaged: its part {} is missing", name)));
  }
  CHECK(contains(error_of_parts(parts_with("xl/_rels/workbook.xml.rels", "<Relationships/>")),
                 "has no sheet with cells"));
}

TEST_CASE("rows and columns stand where a sheet has them, and ascend") {
  const auto row = [](const std::string& number, const std::string& cells) {
    return "<row r=\"" + number + "\">" + cells + "</row>";
  };
  struct Case {
    std::string rows, part;
  };
  const std::vector<Case> cases = {
      {row("2", "") + row("2", ""), "row 2: is damaged: it stands below row 2"},
      {row("5", "") + row("3", ""), "row 3: is damaged: it stands below row 5"},
      {row("0", ""), "is damaged: it stands below row 1"},
      {row("x", ""), "is damaged: \"x\" is no number of a row"},
      {row("1048577", ""), "row 1048577: is damaged: no sheet has so many rows"},
      {row("99999999999999999999", ""), "is no number of a row"},
      {row("2", "<c r=\"B2\"/><c r=\"A2\"/>"), "row 2: is damaged: the cell A2 stands behind a later one"},
      {row("2", "<c r=\"B2\"/><c r=\"B2\"/>"), "the cell B2 stands behind a later one"},
      {row("2", "<c r=\"XFE2\"/>"), "\"XFE2\" is no cell of it"},
      {row("2", "<c r=\"AAAAAAAAAAAAAAAAA2\"/>"), "is no cell of it"},
      {row("2", "<c r=\"2\"/>"), "\"2\" is no cell of it"},
      {row("2", "<c r=\"\"/>"), "\"\" is no cell of it"},
      {row("2", "<c r=\"A3\"/>"), "\"A3\" is no cell of it"},
      {row("2", "<c r=\"XFD2\"/><c/>"), "no sheet has so many columns"},
      {row("2", "<row r=\"3\"/>"), "a row stands in a row"},
      {row("2", "<c r=\"A2\"><c r=\"B2\"/></c>"), "a cell stands in a cell"},
      {row("2", "<c r=\"A2\" t=\"s\"><v>0</v></c>"), "the workbook has no shared text 0"},
      {row("2", "<c r=\"A2\" t=\"s\"><v>-1</v></c>"), "the workbook has no shared text -1"},
      {row("2", "<c r=\"A2\" t=\"str\"><v>" + std::string(1'048'577, 'x') + "</v></c>"),
       "row 2: a value is longer than 1048576 bytes"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.part);
    const std::string error = error_of_rows(one.rows);
    CAPTURE(error);
    CHECK(contains(error, one.part));
  }
  CHECK(error_of_rows(row("2", "<c r=\"A2\" t=\"str\"><v>" + std::string(1'048'576, 'x') + "</v></c>")) == "no error");
}

TEST_CASE("XML that no spreadsheet has is refused, and takes bounded memory") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  std::string names = "<worksheet>";
  for (int i = 0; i < 400'000; ++i) names += fmt::format("<n{0} a{0}=\"\"/>", i);
  std::string sheets = "<workbook>";
  for (int i = 0; i < 20'000; ++i) sheets += fmt::format("<sheet name=\"{}\"/>", i);
  std::string formats = "<styleSheet><cellXfs>";
  for (int i = 0; i < 70'000; ++i) formats += "<xf/>";
  struct Case {
    std::string part, text, error;
  };
  const std::vector<Case> cases = {
      {sheet, "", "its part xl/worksheets/sheet1.xml, line 1, column 0: no element found"},
      {sheet, "<worksheet><sheetData></worksheet>", "mismatched tag"},
      {sheet, "<worksheet><sheetData>", "no element found"},
      {sheet, "<worksheet/>junk", "junk after document element"},
      {sheet, "<!DOCTYPE x [<!ENTITY e \"eee\">]><worksheet>&e;</worksheet>", "it declares a document type"},
      {sheet, "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><worksheet/>", "it declares a document type"},
      {sheet, "<worksheet>&e;</worksheet>", "undefined entity"},
      {sheet, "<?xml version=\"1.0\" encoding=\"x-none\"?><worksheet/>", "unknown encoding"},
      {sheet, deep, "its elements stand too deep in each other"},
      {sheet, names, "it takes more than 16 MiB of memory"},
      {sheet, "<worksheet a=\"" + std::string(400'000, 'x') + "\"/>", "a tag has no end"},
      {sheet, "<worksheet><!--" + std::string(400'000, 'x') + "--></worksheet>", "a tag has no end"},
      {"xl/workbook.xml", sheets, "has too many parts for a spreadsheet"},
      {"xl/styles.xml", formats, "it has more cell formats than a spreadsheet may have"},
      {"_rels/.rels", "x", "its part _rels/.rels, line 1, column 0: syntax error"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.error);
    const std::string error = error_of_parts(parts_with(one.part, one.text));
    CAPTURE(error);
    CHECK(contains(error, one.error));
  }
}

TEST_CASE("a directory of very many parts is refused before there is room made for it") {
  const TempFolder folder;
  Parts parts;
  for (int i = 0; i < 30'000; ++i) parts.emplace_back(fmt::format("part-{}", i), "");
  CHECK(contains(error_at(write_zip(folder.file("many.xlsx"), parts)), "has too many parts for a spreadsheet"));
}

TEST_CASE("a header row that is longer than a value may be is none") {
  std::string row = "<row r=\"1\">";
  for (int i = 0; i < 20; ++i) row += "<c t=\"str\"><v>" + std::string(60'000, 'x') + "</v></c>";
  CHECK(contains(error_of_parts(parts_of({.rows = row + "</row>"})), "row 1: is longer than 1048576 bytes"));
}
