// What the beginning and the end of a CSV file tell of it: its delimiter, its columns, that it is no CSV, that it is
// cut off.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "csv_text.h"
#include "source/columns.h"
#include "source/csv_source.h"

using namespace convoke;

TEST_CASE("the first line says how fields are delimited, unless the settings do") {
  struct Case {
    std::string name, text;
    std::optional<char> delimiter;
    Rows rows;
  };
  const std::vector<Case> cases = {
      {"commas", "id,a;b\n1,x\n", {}, {"2 1"}},
      {"semicolons", "name;id\n\"A,B\";1\nx,y;2\n", {}, {"2 1", "3 2"}},
      {"tabs", "name\tid\n\t1\n", {}, {"2 1"}},
      {"an unnamed column before a tab", "\tid\nx\t1\n", {}, {"2 1"}},
      {"more semicolons than tabs", "x;a\tb;id\n1;2;3\n", {}, {"2 3"}},
      {"more tabs than semicolons", "x\ta;b\tid\n1\t2\t3\n", {}, {"2 3"}},
      {"commas in quotes do not count", "\"a,b,\n,c\";id\nx;1\n", {}, {"3 1"}},
      {"semicolons in quotes do not count", "\"a;b\",id\nx,1\n", {}, {"2 1"}},
      {"after empty lines", "\n\r\nx;id\na;1\n", {}, {"4 1"}},
      {"the settings say otherwise", "x;id,y\n1,2\nx;3,4\n", ';', {"2 ", "3 3,4"}},
      {"Excel's line", "sep=;\nx;id\na;1\n", {}, {"3 1"}},
      {"Excel's line, CR LF", "sep=|\r\nx|id\r\na|1\r\n", {}, {"3 1"}},
      {"Excel's line, CR", "SEP=|\rx|id\ra|1\r", {}, {"3 1"}},
      {"Excel's line, tab", "Sep=\t\nx,y\tid\na,b\t1\n", {}, {"3 1"}},
      {"Excel's line, a byte order mark", "\xEF\xBB\xBFsep=;\r\nx;id\r\na;1\r\n", {}, {"3 1"}},
      {"Excel's line is passed by where the settings say", "sep=;\nx,id;y\na,1\n", ',', {}},
      {"Excel's line for commas", "sep=,\nx;y,id\na,1\n", {}, {"3 1"}},
      {"no line of Excel's", "sep;id\na;1\n", {}, {"2 1"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    if (one.rows.empty()) {
      CHECK(contains(error_of_text(one.text, {.delimiter = one.delimiter}), "list.csv:2: there is no column \"id\""));
    } else if (one.name == "the settings say otherwise") {
      CHECK(rows_of_text(one.text, {.delimiter = one.delimiter, .member_column = "id,y"}) == one.rows);
    } else {
      CHECK(rows_of_text(one.text, {.delimiter = one.delimiter}) == one.rows);
    }
  }
  CHECK(rows_of_text("sep=;\nx;1\n", {.header = false, .member_column = "2"}) == Rows{"2 1"});
  CHECK(rows_of_text("x;1\n", {.header = false, .member_column = "2"}) == Rows{"1 1"});
  CHECK(rows_of_text("sep=;", {.header = false, .member_column = "2"}).empty());
}

TEST_CASE("when the column is not there, the one that holds ids is named") {
  const std::string id = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
  const auto hint = [](const std::string& text) { return error_of_text(text, {.member_column = "spotMember"}); };
  CHECK(contains(hint("name,id\nAnn," + id + "\nBob,{" + id + "}\nCy,none\n,\n"),
                 "list.csv:1: there is no column \"spotMember\" | the column \"id\" holds member ids: "
                 "member_column = \"id\" (without a job file: --member-column id); the columns are \"name\", \"id\""));
  CHECK(contains(hint("name,spotMemberID\nAnn," + id + "\n"),
                 "did you mean \"spotMemberID\"? the column \"spotMemberID\" holds member ids: "));
  CHECK(contains(hint("a,b\n" + id + ",1\n2," + id + "\n3," + id + "\n"), "the column \"b\" holds member ids"));
  // Rows that are no longer the first are not looked at, and what is wrong in them is not what is said.
  std::string late = "name,id\n";
  for (int i = 0; i < 20; ++i) late += "Ann,\n";
  CHECK(contains(hint(late + "Ann," + id + "\n"), " | the columns are \"name\", \"id\""));
  CHECK(contains(hint("name,id\nAnn," + id + "\nx\"y,z\n"), "the column \"id\" holds member ids"));
  CHECK(contains(hint("Ann," + id + "\nBob," + id + "\n"), "header = false, member_column = 2"));
  // A course may be a UUID too: nothing is guessed about its column.
  CHECK(contains(error_of_text("id,k\n" + id + "," + id + "\n", {.target_column = "course"}), " | the columns are"));
}

TEST_CASE("when the column is not there, the one that holds addresses is named, if ids are not to be had") {
  const std::string id = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
  const auto hint = [](const std::string& text, const CsvSettings& settings) { return error_of_text(text, settings); };
  const CsvSettings ids{.member_column = "spotMember"};
  const CsvSettings addresses{.member_column = {}, .email_column = "e-mail"};
  CHECK(contains(hint("name,address\nAnn,ann@example.org\nBob,Bob@Example.org\n", ids),
                 "there is no column \"spotMember\" | the column \"address\" holds e-mail addresses: email_column = "
                 "\"address\" (without a job file: --email-column address); the columns are"));
  CHECK(contains(hint("mail,id\nann@example.org," + id + "\n", ids), " | the column \"id\" holds member ids"));
  CHECK(
      contains(hint("mail,id\nann@example.org," + id + "\n", addresses), "did you mean \"mail\"? the column \"mail\""));
  CHECK(contains(hint("ann@example.org,Ann\nbob@example.org,Bob\n", ids),
                 "this row holds an e-mail address already; if there is no header: header = false, email_column = 1 "
                 "(without a job file: --no-header --email-column 1)"));
  CHECK(contains(hint("ann@example.org,Ann\nbob@example.org,Bob\n", addresses), "email_column = 1"));
}

TEST_CASE("a file that is no CSV is told with the way out") {
  const TempFolder folder;
  const auto error_for = [&](const std::string& name, const std::string& bytes) {
    const std::string path = folder.write(name, bytes);
    std::string error = error_of([&] { rows_of(CsvSettings{.path = path, .member_column = "id"}); });
    CAPTURE(error);
    CHECK(error.starts_with("65 " + path + ": "));
    for (std::size_t at; (at = error.find(folder.path().string() + "/")) != std::string::npos;)
      error.erase(at, folder.path().string().size() + 1);
    return error.substr(3);
  };
  const auto utf_16 = [](std::string_view text, bool little) {
    std::string out;
    for (const char c : text) out += little ? std::string{c, '\0'} : std::string{'\0', c};
    return out;
  };
  const std::string text = "id,name\n1,Ann\n";
  CHECK(contains(error_for("l.xlsx", "PK\x03\x04"),
                 "is a spreadsheet (or another zip file), not CSV | in a job's [source], xlsx = "));
  CHECK(contains(error_for("l.xls", "\xD0\xCF\x11\xE0\xA1\xB1"), "is an old spreadsheet"));
  CHECK(error_for("l.csv", utf_16(text, true)) ==
        "l.csv: is UTF-16 text, not UTF-8 | in [source], encoding = \"utf-16le\" (without a job file: --set "
        "source.encoding=utf-16le)");
  CHECK(contains(error_for("l.csv", utf_16(text, false)),
                 "is UTF-16 text, not UTF-8 | in [source], encoding = \"utf-16be\""));
  CHECK(contains(error_for("l.csv", utf_16("id\n", true) + "\u0416\u0418"), "encoding = \"utf-16le\""));
}

TEST_CASE("a last line that ends otherwise than the others is remarked upon") {
  const TempFolder folder;
  const auto remarks_on = [&](const std::string& text, CsvSettings settings = {}) {
    settings.path = folder.write("list.csv", text);
    if (settings.header) settings.member_column = "id";
    const auto source = open_source(settings);
    while (source->next()) {
    }
    std::vector<std::string> remarks = source->remarks();
    return remarks.empty() ? "" : remarks.size() == 1 ? remarks[0] : "more than one";
  };
  CHECK(remarks_on("id\na\n\nb") == folder.file("list.csv") + ": the last line (line 4) has no line end where the " +
                                        "others have one: the file may be cut off");
  CHECK(contains(remarks_on("id,x\r\na,1\r\nb,\"2\n3\""), "(line 4)"));
  CHECK(contains(remarks_on("a\nb", {.header = false, .member_column = "1"}), "(line 2)"));
  for (const std::string text : {"id\na\nb\n", "id\r\na\r\nb\r\n", "id\ra\rb\r", "id\na", "id", "id\na\nb\n  ", "id\n",
                                 "id,x\na,\nb,\n,", "id,x\na,1\nb,\"2\"\n"}) {
    CAPTURE(text);
    CHECK(remarks_on(text).empty());
  }
}
