#include "source/xlsx_source.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "source_rows.h"
#include "temp_folder.h"
#include "xlsx_file.h"

using namespace convoke;

namespace {

Rows rows_of_xlsx(const XlsxText& text, XlsxSettings settings = {}) {
  const TempFolder folder;
  settings.path = write_xlsx(folder, text);
  if (settings.member_column == usual_member_column) settings.member_column = "id";
  return rows_of(settings);
}

std::string error_of_xlsx(const XlsxText& text, const XlsxSettings& settings = {}) {
  return error_of([&] { rows_of_xlsx(text, settings); });
}

/// What a cell shows that stands in A2 under the header "id".
std::string shown(const std::string& cell, const XlsxText& rest = {}) {
  XlsxText text = rest;
  text.rows = text_row(1, {"id", "x"}) + "<row r=\"2\">" + cell + "<c r=\"B2\"><v>1</v></c></row>";
  const Rows rows = rows_of_xlsx(text);
  REQUIRE(rows.size() == 1);
  return rows[0].substr(2);
}

}  // namespace

TEST_CASE("a row of a sheet is a member with the number that the spreadsheet shows") {
  CHECK(rows_of_xlsx({text_row(1, {"name", "id"}) + text_row(2, {"Ann", "a"}) + text_row(5, {"Bob", " b "})}) ==
        Rows{"2 a", "5 b"});
  // Rows of empty fields are none, whether their cells are there or not; rows too short are some.
  CHECK(rows_of_xlsx({text_row(1, {"name", "id"}) + "<row r=\"2\"/>" + text_row(3, {" ", "\t"}) +
                      "<row r=\"4\"><c r=\"A4\" s=\"1\"/><c r=\"B4\"/></row>" + text_row(6, {"Ann"})}) == Rows{"6 "});
  // Neither rows nor cells have to say where they stand.
  CHECK(rows_of_xlsx({"<row><c t=\"str\"><v>x</v></c><c t=\"str\"><v>id</v></c></row>"
                      "<row><c/><c t=\"str\"><v>a</v></c></row><row r=\"9\"><c/><c t=\"str\"><v>b</v></c></row>"}) ==
        Rows{"2 a", "9 b"});
  CHECK(rows_of_xlsx({text_row(1, {"id", "course"}) + text_row(2, {"a", "c1"}) + text_row(3, {"b"})},
                     {.target_column = "course"}) == Rows{"2 a @ c1", "3 b"});
  CHECK(rows_of_xlsx({text_row(1, {"x", "a"}) + text_row(2, {"y", "b"})}, {.header = false, .member_column = "2"}) ==
        Rows{"1 a", "2 b"});
  const XlsxText addresses{text_row(1, {"email ", "id"}) + text_row(2, {" Ann@x ", "a"}) + text_row(3, {"bob@x"})};
  CHECK(rows_of_xlsx(addresses, {.email_column = "email"}) == Rows{"2 a / Ann@x", "3  / bob@x"});
  CHECK(rows_of_xlsx(addresses, {.member_column = {}, .email_column = "email"}) == Rows{"2  / Ann@x", "3  / bob@x"});
  CHECK(rows_of_xlsx(addresses, {.header = false, .member_column = {}, .email_column = "1"}).size() == 3);
  CHECK(contains(error_of_xlsx(addresses, {.email_column = "mail"}), "row 1: there is no column \"mail\""));
}

TEST_CASE("a cell is what it shows") {
  CHECK(shown("<c r=\"A2\" t=\"inlineStr\"><is><t>a &amp; b</t></is></c>") == "a & b");
  CHECK(shown("<c r=\"A2\" t=\"inlineStr\"><is><r><t>rich </t></r><r><rPr><b/></rPr><t>text</t></r>"
              "<rPh sb=\"0\" eb=\"1\"><t>sound</t></rPh></is></c>") == "rich text");
  CHECK(shown("<c r=\"A2\" t=\"str\"><f>CONCAT(\"f\",B2)</f><v>f1</v></c>") == "f1");
  CHECK(shown("<c r=\"A2\"><f>6*7</f><v>42</v></c>") == "42");
  CHECK(shown("<c r=\"A2\"><f>B2</f></c>").empty());
  CHECK(shown("<c r=\"A2\" t=\"b\"><v>1</v></c>") == "TRUE");
  CHECK(shown("<c r=\"A2\" t=\"b\"><v>0</v></c>") == "FALSE");
  CHECK(shown("<c r=\"A2\" t=\"e\"><v>#N/A</v></c>") == "#N/A");
  CHECK(shown("<c r=\"A2\" t=\"d\"><v>2026-03-01T12:30:00</v></c>") == "2026-03-01T12:30:00");
  CHECK(shown("<c r=\"A2\"><v>12345.0</v></c>") == "12345");
  CHECK(shown("<x:c xmlns:x=\"y\" r=\"A2\"><x:v>7</x:v></x:c>") == "7");
  CHECK(shown("<c r=\"A2\" t=\"str\"><v>x<![CDATA[<y>]]>&#228;</v></c>") == "x<y>ä");
}

TEST_CASE("texts that cells share are found by their number, and phonetic runs are no part of them") {
  const XlsxText text{.strings =
                          "<si><t>first</t></si><si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>no</t></rPh></si>"
                          "<si/><si><t xml:space=\"preserve\"> last_x000D_ </t></si>"};
  const auto number = [&](int i) { return shown(fmt::format("<c r=\"A2\" t=\"s\"><v>{}</v></c>", i), text); };
  CHECK(number(0) == "first");
  CHECK(number(1) == "rich");
  CHECK(number(2).empty());
  CHECK(number(3) == "last");
  CHECK(contains(error_of([&] { number(4); }),
                 "list.xlsx: sheet \"Contacts\", row 2: is damaged: the workbook has no "
                 "shared text 4"));
}

TEST_CASE("more shared texts than memory holds are found all the same, in any order") {
  constexpr int count = 40'000;
  XlsxText text{.rows = text_row(1, {"id"})};
  const auto word = [](int i) {
    return fmt::format("text-{}{}", i, std::string(static_cast<std::size_t>(i % 40), 'x'));
  };
  for (int i = 0; i < count; ++i) text.strings += "<si><t>" + word(i) + "</t></si>";
  Rows expected;
  for (int row = 2; row < 2000; ++row) {
    const int i = row % 3 == 0 ? row : row % 3 == 1 ? count - row : row * 7919 % count;
    text.rows += fmt::format("<row r=\"{0}\"><c r=\"A{0}\" t=\"s\"><v>{1}</v></c></row>", row, i);
    expected.push_back(fmt::format("{} {}", row, word(i)));
  }
  CHECK(rows_of_xlsx(text) == expected);
}

TEST_CASE("a number whose format is a date's is a date") {
  const std::string styles =
      R"(<numFmts count="2"><numFmt numFmtId="164" formatCode="dd\.mm\.yyyy;@"/><numFmt numFmtId="165" formatCode="0.00 &quot;days&quot;"/></numFmts>)"
      R"(<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>)"
      R"(<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="20"/></cellXfs>)";
  const auto dated = [&](int format, const std::string& value, const std::string& properties = "") {
    return shown(fmt::format("<c r=\"A2\" s=\"{}\"><v>{}</v></c>", format, value),
                 {.styles = styles, .properties = properties});
  };
  CHECK(dated(0, "46082") == "46082");
  CHECK(dated(1, "46082") == "2026-03-01");
  CHECK(dated(2, "46082.520833333336") == "2026-03-01T12:30:00");
  CHECK(dated(3, "46082") == "2026-03-01");
  CHECK(dated(4, "46082") == "46082");
  CHECK(dated(5, "0.5") == "12:00:00");
  CHECK(dated(77, "46082") == "46082");
  CHECK(dated(1, "46082", "<workbookPr date1904=\"1\"/>") == "2030-03-02");
  CHECK(dated(1, "46082", "<workbookPr date1904=\"0\"/>") == "2026-03-01");
}

TEST_CASE("the header stands in the row that the job says, and what is above is passed over") {
  const std::string titles = text_row(1, {"Contacts of \"2026\""}) + text_row(2, {"", "exported"});
  const std::string rows = text_row(4, {"name", "id"}) + text_row(5, {"Ann", "a"});
  CHECK(rows_of_xlsx({titles + rows}, {.header_row = 4}) == Rows{"5 a"});
  CHECK(rows_of_xlsx({rows}) == Rows{"5 a"});  // unless it says so, the first row with text
  CHECK(contains(error_of_xlsx({titles + rows}), "list.xlsx: sheet \"Contacts\", row 1: there is no column \"id\""));
  CHECK(contains(error_of_xlsx({titles + rows}, {.header_row = 3}),
                 "sheet \"Contacts\": row 3 is empty, and no header row | the next row that holds something is row 4"));
  CHECK(contains(error_of_xlsx({titles + rows}, {.header_row = 6}),
                 "row 6 is empty, and no header row | there is nothing"));
  CHECK(contains(error_of_xlsx({}), "sheet \"Contacts\": is empty: it has no header row"));
}

TEST_CASE("a column that is not there is said as of a CSV file") {
  const std::string id = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
  const std::string error =
      error_of_xlsx({text_row(1, {"name", "spotId"}) + text_row(2, {"Ann", id})}, {.member_column = "spotid"});
  CHECK(error.starts_with("65 "));
  CHECK(contains(
      error, "row 1: there is no column \"spotid\" | did you mean \"spotId\"? the column \"spotId\" holds member ids"));
  CHECK(contains(error_of_xlsx({text_row(1, {"a"})}, {.header = false, .member_column = "x"}),
                 "\"x\" is not the number of a column"));
}

TEST_CASE("the sheet is the first, or the one that is named") {
  const XlsxText text{.rows = text_row(1, {"id"}) + text_row(2, {"a"}), .sheets = {"Contacts", "Leads", "Old leads"}};
  CHECK(rows_of_xlsx(text) == Rows{"2 a"});
  CHECK(rows_of_xlsx(text, {.sheet = "Contacts"}) == Rows{"2 a"});
  CHECK(rows_of_xlsx(text, {.sheet = "Leads"}) == Rows{"2 Leads"});
  const std::string error = error_of_xlsx(text, {.sheet = "leads"});
  CHECK(error.starts_with("65 "));
  CHECK(contains(error,
                 "list.xlsx: there is no sheet \"leads\" | did you mean \"Leads\"? the sheets are \"Contacts\", "
                 "\"Leads\", \"Old leads\""));
}

TEST_CASE("how much of a sheet is read is known, and a stop is heard") {
  XlsxText text{.rows = text_row(1, {"id"})};
  for (int row = 2; row < 20'000; ++row) text.rows += text_row(row, {fmt::format("member-{}", row)});
  const TempFolder folder;
  const XlsxSettings settings{.path = write_xlsx(folder, text), .member_column = "id"};
  std::stop_source stop;
  const auto source = open_source(settings, stop.get_token());
  CHECK(*source->share_read() < 0.1);
  for (int i = 0; i < 10'000; ++i) source->next();
  CHECK(*source->share_read() == doctest::Approx(0.5).epsilon(0.1));
  stop.request_stop();
  CHECK_THROWS_AS(
      [&] {
        while (source->next()) {
        }
      }(),
      ReadingStopped);
  CHECK(describe_source(settings) == settings.path);
  const auto whole = open_source(settings);
  while (whole->next()) {
  }
  CHECK(whole->share_read() == 1.0);
}
