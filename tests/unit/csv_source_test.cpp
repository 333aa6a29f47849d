#include "source/csv_source.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "csv_text.h"

using namespace convoke;

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
  const CsvSettings settings{.target_column = "course"};
  CHECK(rows_of_text("course,id\n c1 ,a\n,b\nc2\n", settings) == Rows{"2 a @ c1", "3 b", "4  @ c2"});
  CHECK(contains(error_of_text("id\na\n", settings), "there is no column \"course\""));
}

TEST_CASE("a list may name the address of each member, beside its id or in its place") {
  const CsvSettings both{.email_column = "email"};
  CHECK(rows_of_text("email,id\n Ann@x ,\n,a\n\"Bob@x\",b\nCy@x\n", both) ==
        Rows{"2  / Ann@x", "3 a", "4 b / Bob@x", "5  / Cy@x"});
  const CsvSettings addresses{.member_column = {}, .email_column = "email", .target_column = "course"};
  CHECK(rows_of_text("id,email,course\na,ann@x,c1\nb,,\n", addresses) == Rows{"2  / ann@x @ c1", "3 "});
  CHECK(rows_of_text("a,ann@x\n,\"bob@x\"\nc\n", {.header = false, .member_column = "1", .email_column = "2"}) ==
        Rows{"1 a / ann@x", "2  / bob@x", "3 c"});
  CHECK(rows_of_text("a,ann@x\n", {.header = false, .member_column = {}, .email_column = "2"}) == Rows{"1  / ann@x"});
  const std::string missing = error_of_text("id,mail\na,\n", both);
  CHECK(missing.starts_with("65 "));
  CHECK(contains(missing, "list.csv:1: there is no column \"email\" | did you mean \"mail\"?"));
  CHECK(contains(error_of_text("mail|id\n", addresses), "there is no column \"email\" | the columns seem to be"));
  CHECK(contains(error_of_text("a\n", {.header = false, .member_column = {}, .email_column = "email"}),
                 "\"email\" is not the number of a column"));
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
