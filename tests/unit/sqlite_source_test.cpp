#include "source/sqlite_source.h"

#include <SQLiteCpp/Database.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <future>

#include "source_rows.h"
#include "temp_folder.h"

using namespace convoke;

namespace {

struct Crm {
  TempFolder folder;
  std::string path = folder.file("crm.db");
  SQLite::Database database{path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};

  Crm() {
    database.exec(
        "CREATE TABLE people (id, course, active); "
        "INSERT INTO people VALUES ('a', 'c1', 1), (' b ', 'c2', 1), (NULL, NULL, 1), (4711, 'c1', 0)");
  }

  SqliteSettings settings(const std::string& query) const {
    return {.path = path, .query = query, .member_column = "id", .target_column = {}};
  }
  std::string error_of_query(const std::string& query) const {
    return error_of([&] { rows_of(settings(query)); });
  }
};

}  // namespace

TEST_CASE("the rows of a query are members, numbered from 1") {
  const Crm crm;
  CHECK(rows_of(crm.settings("SELECT id FROM people")) == Rows{"1 a", "2 b", "4 4711"});
  CHECK(rows_of(crm.settings("SELECT id FROM people WHERE active = 0")) == Rows{"1 4711"});
  CHECK(rows_of(crm.settings("SELECT id FROM people WHERE 0")).empty());
  CHECK(rows_of(crm.settings("WITH p AS (SELECT * FROM people) SELECT course, id FROM p LIMIT 1")) == Rows{"1 a"});
  CHECK(rows_of(crm.settings("-- who\nSELECT id FROM people LIMIT 1; ; /* that is all */\n-- really\n")) ==
        Rows{"1 a"});
  SqliteSettings with_course = crm.settings("SELECT * FROM people");
  with_course.target_column = "course";
  CHECK(rows_of(with_course) == Rows{"1 a @ c1", "2 b @ c2", "3 ", "4 4711 @ c1"});
}

TEST_CASE("a query may find addresses, beside ids or in their place") {
  const Crm crm;
  const std::string values =
      "SELECT column1 AS id, column2 AS email FROM (VALUES ('a', 'ann@x'), (NULL, ' Bob@x '), (NULL, NULL), ('c', "
      "NULL))";
  SqliteSettings settings = crm.settings(values);
  settings.email_column = "email";
  CHECK(rows_of(settings) == Rows{"1 a / ann@x", "2  / Bob@x", "4 c"});
  settings.member_column.reset();
  CHECK(rows_of(settings) == Rows{"1  / ann@x", "2  / Bob@x", "4 "});
  settings.email_column = "mail";
  CHECK(contains(error_of([&] { rows_of(settings); }),
                 "65 " + crm.path +
                     ": source.query: there is no column \"mail\" | did you mean \"email\"? the column "
                     "\"email\" holds e-mail addresses: email_column = \"email\""));
}

TEST_CASE("rows of empty fields are counted and are no rows") {
  const Crm crm;
  const auto rows = [&](const std::string& values) {
    return rows_of(crm.settings("SELECT column1 AS x, column2 AS id FROM (VALUES " + values + ")"));
  };
  CHECK(rows("(NULL, NULL), ('', ' '), (x'', NULL), (NULL, 'a'), (' \t', NULL), (0, NULL)") == Rows{"4 a", "6 "});
}

TEST_CASE("when the column is not there, the one that holds ids is named") {
  const Crm crm;
  const std::string id = "'0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9'";
  CHECK(contains(
      crm.error_of_query("SELECT 'Ann' AS name, " + id + " AS member"),
      "there is no column \"id\" | the column \"member\" holds member ids: member_column = \"member\" (without a job "
      "file: --member-column member); " +
          std::string("the columns are \"name\", \"member\"")));
  CHECK(contains(crm.error_of_query("SELECT abs(-9223372036854775807 - 1) AS name"),
                 "there is no column \"id\" | the columns are \"name\""));
}

TEST_CASE("a query that is not one SELECT is refused and changes nothing") {
  const Crm crm;
  for (const std::string query :
       {"DELETE FROM people", "DELETE FROM people RETURNING id", "SELECT id FROM people; DELETE FROM people",
        "SELECT id FROM people; SELECT id FROM people", "", "-- nothing", "BEGIN", "CREATE TABLE t (id)",
        "ATTACH ':memory:' AS other", "UPDATE people SET id = id RETURNING id", "VACUUM INTO 'x.db'"}) {
    CAPTURE(query);
    CHECK(contains(crm.error_of_query(query), "65 " + crm.path + ": source.query: the query must be one SELECT"));
  }
  CHECK(rows_of(crm.settings("SELECT id FROM people")).size() == 3);
}

TEST_CASE("what is wrong with a query or a database is said") {
  const Crm crm;
  CHECK(contains(crm.error_of_query("SELECT id FROM persons"), "65 " + crm.path + ": source.query: no such table"));
  CHECK(contains(crm.error_of_query("SELEC id"), "source.query: near \"SELEC\": syntax error"));
  CHECK(contains(crm.error_of_query("SELECT id FROM people; SELEC"), "source.query: near"));
  CHECK(contains(crm.error_of_query("SELECT id AS ids FROM people"),
                 "there is no column \"id\" | did you mean \"ids\"?"));
  CHECK(contains(crm.error_of_query("SELECT id, course AS id FROM people"), "more than one column \"id\""));
  // The failure of a row, after others were read.
  CHECK(contains(
      crm.error_of_query("SELECT id, abs(CASE active WHEN 0 THEN -9223372036854775807 - 1 ELSE 1 END) FROM people"),
      "65 " + crm.path + ": source.query: integer overflow"));
}

TEST_CASE("a file that is not there, or no database, is told") {
  const TempFolder folder;
  const auto error_at = [](const std::string& path) {
    return error_of([&] { rows_of(SqliteSettings{path, "SELECT 1 AS id", "id"}); });
  };
  CHECK(contains(error_at(folder.file("none.db")), "66 " + folder.file("none.db") + ": there is no such file"));
  CHECK(contains(error_at(folder.path().string()), "65 " + folder.path().string() + ": is a folder"));
  const std::string text = folder.write("text.db", "id,name\n" + std::string(2000, 'x'));
  CHECK(contains(error_of([&] {
                   rows_of(SqliteSettings{text, "SELECT * FROM people", "id"});
                 }),
                 "65 " + text + ": is not a SQLite database"));
}

TEST_CASE("another program's lock is waited out") {
  Crm crm;
  crm.database.exec("BEGIN EXCLUSIVE; DELETE FROM people WHERE id IS NULL");
  auto rows = std::async(std::launch::async, [&] { return rows_of(crm.settings("SELECT id FROM people")); });
  crm.database.exec("COMMIT");
  CHECK(rows.get().size() == 3);
}

TEST_CASE("a database in WAL mode is read with what its log holds") {
  Crm crm;
  crm.database.exec("PRAGMA journal_mode = WAL; INSERT INTO people VALUES ('z', 'c', 1)");
  CHECK(rows_of(crm.settings("SELECT id FROM people WHERE id = 'z'")) == Rows{"1 z"});
}

TEST_CASE("a query may read and compute, and nothing else") {
  Crm crm;
  crm.database.exec(
      "CREATE VIRTUAL TABLE notes USING fts5(id, text); INSERT INTO notes VALUES ('a', 'likes courses'), ('b', "
      "'none'); "
      "CREATE VIEW loud AS SELECT upper(id) AS id FROM people WHERE id = 'a'");
  for (const std::string query :
       {"SELECT load_extension('x') AS id", "SELECT load_extension('x', 'y') AS id FROM people", "PRAGMA journal_mode",
        "PRAGMA user_version", "PRAGMA temp_store = 1", "ATTACH 'x.db' AS x",
        "SELECT fts3_tokenizer('simple') AS id"}) {
    CAPTURE(query);
    CHECK(contains(crm.error_of_query(query), "65 " + crm.path + ": source.query: "));
    CHECK(contains(crm.error_of_query(query), "which only reads"));
  }
  CHECK(rows_of(crm.settings("SELECT id FROM notes WHERE notes MATCH 'courses'")) == Rows{"1 a"});
  CHECK(rows_of(crm.settings("SELECT id FROM loud")) == Rows{"1 A"});
  CHECK(rows_of(crm.settings("SELECT name AS id FROM pragma_table_info('people') LIMIT 1")) == Rows{"1 id"});
}

TEST_CASE("a value of more than 1 MiB is an error that names its row, wherever it comes from") {
  Crm crm;
  crm.database.exec("INSERT INTO people VALUES (zeroblob(2000000), 'c1', 2), ('z', hex(zeroblob(1000000)), 2)");
  const std::string error = crm.error_of_query("SELECT id FROM people");
  CHECK(contains(error, "65 " + crm.path + ": source.query: row 5: a value is longer than 1048576 bytes"));
  CHECK(contains(crm.error_of_query("SELECT id, course FROM people WHERE rowid = 6"), "row 1: a value is longer"));
  CHECK(contains(crm.error_of_query("SELECT hex(zeroblob(1000000)) AS id"), "row 1: a value is longer"));
  CHECK(rows_of(crm.settings("SELECT id FROM people WHERE rowid = 6")) == Rows{"1 z"});
}

TEST_CASE("rows that would take too much memory are an error, and the limit is gone with the source") {
  Crm crm;
  std::string columns;
  for (int i = 0; i < 600; ++i) columns += fmt::format(", printf('%.*c', 1000000, 'a') AS x{}", i);
  crm.database.exec("CREATE VIEW contacts AS SELECT id" + columns + " FROM people");
  CHECK(crm.error_of_query("SELECT * FROM contacts") ==
        "65 " + crm.path +
            ": source.query: takes more than 64 MiB of memory | let the query select the columns that are needed, and "
            "no others");
  CHECK(rows_of(crm.settings("SELECT id FROM contacts")) == Rows{"1 a", "2 b", "4 4711"});
  CHECK(sqlite3_hard_heap_limit64(-1) == 0);
  CHECK(sqlite3_soft_heap_limit64(-1) == 0);
}

TEST_CASE("a query that computes for ever, and one that waits for a lock, hear a stop") {
  Crm crm;
  const auto is_stopped = [&](const std::string& query) {
    std::stop_source stop;
    auto reading = std::async(std::launch::async, [&] {
      try {
        const auto source = open_source(crm.settings(query), stop.get_token());
        while (source->next()) {
        }
        return false;
      } catch (const ReadingStopped&) {
        return true;
      }
    });
    const bool waits = reading.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout;
    stop.request_stop();
    return waits && reading.wait_for(std::chrono::seconds(5)) == std::future_status::ready && reading.get();
  };
  CHECK(
      is_stopped("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n WHERE i < 0"));
  crm.database.exec("BEGIN EXCLUSIVE");
  CHECK(is_stopped("SELECT id FROM people"));
  crm.database.exec("COMMIT");
}
