#include "source/csv_source.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "source/columns.h"
#include "source_rows.h"
#include "temp_folder.h"

using namespace convoke;
using Rows = std::vector<std::string>;

namespace {

Rows rows_of_text(const std::string& text, CsvSettings settings = {}) {
  const TempFolder folder;
  settings.path = folder.write("list.csv", text);
  if (settings.member_column == usual_member_column) settings.member_column = "id";
  return rows_of(settings);
}

std::string error_of_text(const std::string& text, const CsvSettings& settings = {}) {
  return error_of([&] { rows_of_text(text, settings); });
}

}  // namespace

TEST_CASE("a row is a member with the line where it starts") {
  struct Case {
    std::string name, text;
    Rows rows;
  };
  const std::vector<Case> cases = {
      {"plain", "id,name\na,Ann\nb,Bob\n", {"2 a", "3 b"}},
      {"no newline at the end", "id\na\nb", {"2 a", "3 b"}},
      {"CR LF", "id,name\r\na,Ann\r\nb,Bob\r\n", {"2 a", "3 b"}},
      {"CR LF, no newline at the end", "id\r\na\r\nb", {"2 a", "3 b"}},
      {"CR alone", "id,name\ra,Ann\rb,Bob\r", {"2 a", "3 b"}},
      {"every kind of line break", "id\na\r\nb\rc\n\rd\r\r\ne", {"2 a", "3 b", "4 c", "6 d", "8 e"}},
      {"byte order mark", "\xEF\xBB\xBFid,name\na,Ann\n", {"2 a"}},
      {"byte order mark and quotes", "\xEF\xBB\xBF\"id\",name\na,Ann\n", {"2 a"}},
      {"another column order", "name,id\n\"Ann, the first\",a\n", {"2 a"}},
      {"header with blanks", "name , id\t\nAnn,a\n", {"2 a"}},
      {"quotes", "id,name\n\"a\",\"Ann \"\"the\"\" first\"\n", {"2 a"}},
      {"blanks around",
       "id,name\n  a \t,Ann\n\" b \",Bob\n \" c\" ,Cy\n\"\nd\r\n\",Di\n",
       {"2 a", "3 b", "4 c", "5 d"}},
      {"line breaks inside quotes", "id,name\na,\"x\ny\r\nz\rq\"\nb,B\n", {"2 a", "6 b"}},
      {"a line break inside the first field", "name,id\n\"x\n\",a\nB,b\n", {"2 a", "4 b"}},
      {"an empty line inside quotes", "id,name\na,\"\n\n\n\"\nb,B\n", {"2 a", "6 b"}},
      {"line breaks inside the header", "\"a\nb\",id\n1,a\n2,b\n", {"3 a", "4 b"}},
      {"empty lines are counted and are no rows", "\n\nid\n\na\n\r\n  \t\n\nb\n\n", {"5 a", "9 b"}},
      {"empty members are rows", "id,name\n,Ann\n\"\",Bob\n", {"2 ", "3 "}},
      {"rows of empty fields are counted and are no rows",
       "id,name\n,\n , \n\"\",\"\"\n,\"\n \"\n,,,,\na,\n,",
       {"8 a"}},
      {"rows of empty fields before the header", ",,\n\"\",\n\nid,name\na,\n", {"5 a"}},
      {"rows too short are rows", "name,id\nAnn\nBob,b\n", {"2 ", "3 b"}},
      {"rows too long are rows", "id\na,b,c\n", {"2 a"}},
      {"a trailing delimiter at the end", "name,id\nAnn,", {"2 "}},
      {"a quoted field at the end", "name,id\nAnn,\"a\"", {"2 a"}},
      {"only a header", "id,name\n", {}},
      {"only a header, no newline", "id,name", {}},
      {"other columns may have one name", "x,x,id\n1,2,a\n", {"2 a"}},
      {"a quote in quotes at the end of a line", "id,name\na,\"x\"\"\"\nb,\"\"\"\"\nc,\"\"\n", {"2 a", "3 b", "4 c"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    CHECK(rows_of_text(one.text) == one.rows);
  }
}

TEST_CASE("columns may be given by number where there is no header") {
  const CsvSettings second{.header = false, .member_column = "2"};
  CHECK(rows_of_text("Ann,a\nBob,b\n", second) == Rows{"1 a", "2 b"});
  CHECK(rows_of_text("Ann\nBob,b\n", second) == Rows{"1 ", "2 b"});
  CHECK(rows_of_text("", second).empty());
  CHECK(rows_of_text("\xEF\xBB\xBF"
                     "a\n",
                     {.header = false, .member_column = "1"}) == Rows{"1 a"});
  CHECK(
      contains(error_of_text("a\n", {.header = false, .member_column = "id"}), "\"id\" is not the number of a column"));
  CHECK(contains(error_of_text("a\n", {.header = false, .member_column = "0"}), "\"0\" is not the number of a column"));
}

TEST_CASE("a list may name the course of each member") {
  const CsvSettings settings{.course_column = "course"};
  CHECK(rows_of_text("course,id\n c1 ,a\n,b\nc2\n", settings) == Rows{"2 a @ c1", "3 b", "4  @ c2"});
  CHECK(contains(error_of_text("id\na\n", settings), "there is no column \"course\""));
}

TEST_CASE("fields may be delimited by any byte") {
  CHECK(rows_of_text("name;id\n\"A;B\";a\nx,y;b\n", {.delimiter = ';'}) == Rows{"2 a", "3 b"});
  CHECK(rows_of_text("name\tid\n\ta\nAnn \t b\n", {.delimiter = '\t'}) == Rows{"2 a", "3 b"});
  CHECK(rows_of_text("name|id\nAnn|a\n", {.delimiter = '|'}) == Rows{"2 a"});
  CHECK(rows_of_text("name id\nAnn a\n", {.delimiter = ' '}) == Rows{"2 a"});
}

TEST_CASE("what is no such CSV is said with file, line and what to do") {
  struct Case {
    std::string name, text;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases = {
      {"empty", "", {"65 ", "list.csv: is empty: it has no header row"}},
      {"only empty lines", "\n\n", {"is empty: it has no header row"}},
      {"no such column", "Id,name\n", {"65 ", "list.csv:1: there is no column \"id\"", "\"Id\", \"name\""}},
      {"a near column", "ids,name\n", {"did you mean \"ids\"?"}},
      {"a column twice", "id,name,id\n", {"list.csv:1: there is more than one column \"id\""}},
      {"another delimiter", "id|name\na|b\n", {"list.csv:1: there is no column", "delimiter = \"|\""}},
      {"text after a quote", "id,name\na,\"x\"y\nb,B\n", {"65 ", "list.csv:2: a quote stands where none may"}},
      {"a quote in text", "id,name\n\na,x\"y\nb,B\n", {"list.csv:3: a quote stands where none may"}},
      {"a quote left open", "id,name\na,A\nb,\"B\nc,C\n", {"list.csv:3: a quoted field has no end"}},
      {"a quote left open until the next",
       "id,name\na,\"A\nb,\"B\"\nc,C\n",
       {"list.csv:3: a quote stands where none may (the record starts in line 2)"}},
      {"NUL bytes", std::string("id\n\0a", 5), {"65 ", "is not a CSV file: it holds NUL bytes"}},
      {"a field without end", "id,name\na,\"" + std::string(1'500'000, 'x'), {"list.csv:2: a field is longer than"}},
      {"a header without end", "id" + std::string(1'500'000, ',') + "\n", {"list.csv:1: the row is longer than"}},
      {"a long field", "id\na\n" + std::string(2'000'000, 'x') + "\n", {"list.csv:3: a field is longer than"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const std::string error = error_of_text(one.text);
    CAPTURE(error);
    for (const std::string& part : one.parts) CHECK(contains(error, part));
  }
}

TEST_CASE("lines stay exact across the blocks in which a file is read") {
  // Every alignment of a line break to the end of a block: the first row is padded by 0 to 9 bytes.
  constexpr std::size_t block = 256UL * 1024;
  for (const std::string line_break : {"\n", "\r\n", "\r"}) {
    for (std::size_t padding = 0; padding < 10; ++padding) {
      CAPTURE(line_break.size());
      CAPTURE(padding);
      std::string text = fmt::format("id,note{0}first,{1}{0}", line_break, std::string(padding, 'x'));
      const std::string record = fmt::format("r,\"a{0}b\"{0}", line_break);
      std::size_t rows = 1;
      std::uint64_t line = 2;
      std::uint64_t last_start = 0;
      while (text.size() < 2 * block + 100) {
        last_start = ++line;
        text += record;
        ++line;
        ++rows;
      }
      const Rows found = rows_of_text(text);
      REQUIRE(found.size() == rows);
      CHECK(found.back() == std::to_string(last_start) + " r");
    }
  }
}

TEST_CASE("a line means the same whether it has a quote, and thus takes the parser, or not") {
  std::mt19937 random(7);
  for (const char delimiter : {',', ';', '\t', ' '}) {
    const std::string alphabet = std::string("ab \t\r\n\n") + delimiter + delimiter;
    for (int i = 0; i < 200; ++i) {
      std::string plain;
      for (int size = 0; size < 60; ++size) plain += alphabet[random() % alphabet.size()];
      // A quoted field at the end of every line sends it through libcsv.
      std::string quoted;
      for (std::size_t at = 0; at < plain.size(); ++at) {
        const bool breaks = plain[at] == '\n' || plain[at] == '\r';
        const bool second_half = at > 0 && plain[at] == '\n' && plain[at - 1] == '\r';
        if (breaks && !second_half) quoted += delimiter + std::string("\"\"");
        quoted += plain[at];
      }
      quoted += delimiter + std::string("\"\"");
      for (const char* column : {"1", "2", "3"}) {
        CAPTURE(plain);
        const CsvSettings settings{.header = false, .delimiter = delimiter, .member_column = column};
        Rows with_quotes = rows_of_text(quoted, settings);
        // Only empty lines differ: the added field makes rows of them.
        Rows without_quotes = rows_of_text(plain, settings);
        std::erase_if(with_quotes, [](const std::string& row) { return row.ends_with(' '); });
        std::erase_if(without_quotes, [](const std::string& row) { return row.ends_with(' '); });
        CHECK(with_quotes == without_quotes);
      }
    }
  }
}

TEST_CASE("a list comes through standard input as well") {
  const TempFolder folder;
  const int standard_input = ::dup(STDIN_FILENO);
  const auto read_from_input = [&](const std::string& text) {
    const int file = ::open(folder.write("list.csv", text).c_str(), O_RDONLY);
    ::dup2(file, STDIN_FILENO);
    ::close(file);
    return rows_of(CsvSettings{.path = "-", .member_column = "id"});
  };
  CHECK(read_from_input("id\na\n") == Rows{"2 a"});
  CHECK(contains(error_of([&] { read_from_input("id\na\n\"b\nc\n"); }),
                 "65 standard input:3: a quoted field has no end"));
  ::dup2(standard_input, STDIN_FILENO);
  ::close(standard_input);
}

TEST_CASE("a file that is not there, or is no file, is told from one that is wrong") {
  const TempFolder folder;
  const auto error_at = [](const std::string& path) {
    return error_of([&] { rows_of(CsvSettings{.path = path, .member_column = "id"}); });
  };
  CHECK(contains(error_at(folder.file("none.csv")), "66 " + folder.file("none.csv") + ": there is no such file"));
  CHECK(contains(error_at(folder.write("x", "") + "/none.csv"), "there is no such file"));
  CHECK(contains(error_at(folder.path().string()), "65 " + folder.path().string() + ": is a folder"));
  const std::string closed = folder.write("closed.csv", "id\n");
  std::filesystem::permissions(closed, std::filesystem::perms::none);
  if (::geteuid() != 0) CHECK(contains(error_at(closed), "66 " + closed + ": may not be read"));  // root reads all
}

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
  CHECK(contains(error_of_text("id,k\n" + id + "," + id + "\n", {.course_column = "course"}), " | the columns are"));
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
  CHECK(error_for("l.csv.gz", "\x1F\x8B\x08\x01") ==
        "l.csv.gz: is compressed (gzip), not CSV as it is | gzip -dc l.csv.gz | convoke run --csv - …");
  CHECK(error_for("l.zst", "\x28\xB5\x2F\xFD") ==
        "l.zst: is compressed (zstd), not CSV as it is | zstd -dc l.zst | convoke run --csv - …");
  CHECK(contains(error_for("l.xlsx", "PK\x03\x04"), "is a spreadsheet (or another zip file), not CSV | open it"));
  CHECK(contains(error_for("l.xls", "\xD0\xCF\x11\xE0\xA1\xB1"), "is an old spreadsheet"));
  CHECK(error_for("l.csv", "\xFF\xFE" + utf_16(text, true)) ==
        "l.csv: is UTF-16 text, not UTF-8 | iconv -f UTF-16 -t UTF-8 l.csv > l.utf8.csv");
  CHECK(contains(error_for("l.csv", "\xFE\xFF" + utf_16(text, false)), "iconv -f UTF-16 -t UTF-8 l.csv > "));
  CHECK(contains(error_for("l.csv", utf_16(text, true)), "is UTF-16 text, not UTF-8 | iconv -f UTF-16LE "));
  CHECK(contains(error_for("l.csv", utf_16(text, false)), "is UTF-16 text, not UTF-8 | iconv -f UTF-16BE "));
  CHECK(contains(error_for("l.csv", utf_16("id\n", true) + "\u0416\u0418"), "iconv -f UTF-16LE "));
}

TEST_CASE("a command that is proposed can be pasted into a shell") {
  const TempFolder folder;
  const std::string path = folder.write("Ann's list; 2.csv", "\x1F\x8B\x08\x01");
  CHECK(contains(error_of([&] { rows_of(CsvSettings{.path = path}); }),
                 " | gzip -dc '" + folder.path().string() + "/Ann'\\''s list; 2.csv' | convoke run --csv - …"));
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
