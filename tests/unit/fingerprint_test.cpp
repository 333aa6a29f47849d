#include "source/fingerprint.h"

#include <SQLiteCpp/Database.h>
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "source_rows.h"
#include "temp_folder.h"

using namespace convoke;
namespace fs = std::filesystem;

TEST_CASE("a fingerprint stays while the source and its settings stay") {
  const TempFolder folder;
  const CsvSettings csv{.path = folder.write("list.csv", "id\na\n"), .member_column = "id"};
  const std::string before = fingerprint_of(csv);
  CHECK(before.size() == 64);
  CHECK(fingerprint_of(csv) == before);
  CsvSettings detour = csv;
  detour.path = (folder.path() / "." / "list.csv").string();
  CHECK(fingerprint_of(detour) == before);
}

TEST_CASE("a fingerprint changes with every setting") {
  const TempFolder folder;
  const std::string path = folder.write("list.csv", "id\na\n");
  const CsvSettings base{.path = path, .member_column = "id"};
  const std::vector<SourceSettings> others = {
      CsvSettings{.path = path, .header = false, .member_column = "id"},
      CsvSettings{.path = path, .delimiter = ';', .member_column = "id"},
      CsvSettings{.path = path, .member_column = "id2"},
      CsvSettings{.path = path, .member_column = "id", .target_column = "c"},
      CsvSettings{.path = path, .member_column = "id", .target_column = ""},
      CsvSettings{.path = path, .member_column = "id", .email_column = "c"},
      CsvSettings{.path = path, .member_column = {}, .email_column = "id"},
      CsvSettings{.path = path, .member_column = "id", .header_row = 2},
      CsvSettings{.path = path, .member_column = "id", .encoding = Encoding::utf_8},
      CsvSettings{.path = path, .member_column = "id", .encoding = Encoding::windows_1252},
      XlsxSettings{.path = path, .member_column = "id"},
      XlsxSettings{.path = path, .sheet = "s", .member_column = "id"},
      XlsxSettings{.path = path, .header = false, .member_column = "id"},
      XlsxSettings{.path = path, .header_row = 2, .member_column = "id"},
      XlsxSettings{.path = path, .member_column = "id2"},
      XlsxSettings{.path = path, .member_column = "id", .email_column = "c"},
      XlsxSettings{.path = path, .member_column = "id", .target_column = "c"},
      SqliteSettings{.path = path, .member_column = "id"},
      SqliteSettings{.path = path, .query = "q", .member_column = "id"},
      SqliteSettings{.path = path, .query = "q", .member_column = "id", .target_column = "c"},
      SqliteSettings{.path = path, .query = "q", .member_column = "id", .email_column = "c"},
      SqliteSettings{.path = path, .query = "q", .member_column = {}, .email_column = "id"},
  };
  std::set<std::string> seen = {fingerprint_of(base)};
  for (const auto& other : others) seen.insert(fingerprint_of(other));
  CHECK(seen.size() == others.size() + 1);
}

TEST_CASE("a fingerprint changes with the file") {
  const TempFolder folder;
  const std::string content = "id\n" + std::string(300'000, 'x') + "\n";
  const CsvSettings csv{.path = folder.write("list.csv", content), .member_column = "id"};
  const std::string before = fingerprint_of(csv);
  const auto written = fs::last_write_time(csv.path);

  SUBCASE("its time alone") {
    fs::last_write_time(csv.path, written + std::chrono::microseconds(1));
  }
  SUBCASE("its first bytes alone") {
    folder.write("list.csv", "ID" + content.substr(2));
    fs::last_write_time(csv.path, written);
  }
  SUBCASE("its last bytes alone") {
    folder.write("list.csv", content.substr(0, content.size() - 2) + "y\n");
    fs::last_write_time(csv.path, written);
  }
  SUBCASE("its size") {
    folder.write("list.csv", content + "y\n");
    fs::last_write_time(csv.path, written);
  }
  SUBCASE("another file in its place") {
    folder.write("new.csv", content);
    fs::rename(folder.file("new.csv"), csv.path);
    fs::last_write_time(csv.path, written);
  }
  CHECK(fingerprint_of(csv) != before);
}

TEST_CASE("a commit to the write-ahead log of a database changes its fingerprint") {
  const TempFolder folder;
  const std::string path = folder.file("crm.db");
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (id)");
  const SqliteSettings sqlite{path, "SELECT id FROM t", "id", {}};
  const std::string before = fingerprint_of(sqlite);
  CHECK(rows_of(sqlite).empty());
  CHECK(fingerprint_of(sqlite) == before);  // reading is no change
  database.exec("INSERT INTO t VALUES ('a')");
  CHECK(fingerprint_of(sqlite) != before);
}

TEST_CASE("what can be read only once has no fingerprint, and what is not there is an error") {
  const TempFolder folder;
  CHECK(fingerprint_of(CsvSettings{.path = "-", .member_column = "id"}).empty());
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  CHECK(fingerprint_of(CsvSettings{.path = folder.file("pipe"), .member_column = "id"}).empty());
  CHECK(contains(error_of([&] { fingerprint_of(CsvSettings{.path = folder.file("none"), .member_column = "id"}); }),
                 "66 "));
}
