// The ledger as a file: what is none of ours, what is damaged, who may read it, and that it stays in its place.
#include "ledger/ledger_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "calls_by_hand.h"
#include "ledger/calls_file.h"
#include "ledger/job_lock.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;

TEST_CASE("a ledger says what it is, and is opened again as it was") {
  LedgerWorld world;
  CHECK(world.rows("PRAGMA user_version") == Rows{"6"});
  CHECK(world.rows("PRAGMA journal_mode") == Rows{"wal"});
  Database durable = Database::open(world.path);
  CHECK(durable.handle().execAndGet("PRAGMA synchronous").getInt() == 2);
  CHECK(find_job(durable, "news") == world.job);
}

TEST_CASE("a file of calls that cannot be written over stays as it was") {
  const LedgerWorld world;
  CallsFile calls(world.database.file());
  calls.begin({std::string(32, 'a'), 7, WallTime{}});
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit none{0, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &none);
  CHECK_THROWS_AS(calls.begin({std::string(32, 'b'), 9, WallTime{}}), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  REQUIRE(calls.read());
  CHECK(calls.read()->calls == 7);
}

TEST_CASE("what is no ledger of ours is refused, and left as it was") {
  const TempFolder folder;
  const auto bytes = [&](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const auto made_by = [&](const std::string& name, const std::string& sql) {
    const std::string path = folder.file(name);
    SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
    return path;
  };
  struct Row {
    std::string what;
    std::string path;
    std::string error;
  };
  const std::string newer = folder.file("newer.db");
  Database::open(newer).handle().exec("PRAGMA user_version = 99");
  for (const Row& row : std::vector<Row>{
           {"a newer one", newer, "78"},
           {"another's", made_by("crm.db", "CREATE TABLE contact (id); INSERT INTO contact VALUES (1)"), "74"},
           {"another's with a version", made_by("app.db", "CREATE TABLE contact (id); PRAGMA user_version = 1"), "74"},
           {"another's with a high version", made_by("big.db", "CREATE TABLE contact (id); PRAGMA user_version = 9"),
            "74"},
           {"text", folder.write("text.db", "id,name\n" + std::string(5000, 'x')), "74"},
           {"a broken head", folder.write("broken.db", "SQLite format 3" + std::string(5000, '\1')), "74"}}) {
    CAPTURE(row.what);
    const std::string before = bytes(row.path);
    const std::string to_write = error_of([&] { Database::open(row.path); });
    CHECK(to_write.starts_with(row.error + " " + row.path + ": "));
    const std::string to_read = error_of([&] { Database::open_to_read(row.path); });
    CHECK(to_read.starts_with(row.error + " " + row.path + ": "));
    CHECK(to_read.size() > to_read.find(" | ") + 3);  // with a hint
    CHECK(bytes(row.path) == before);
  }
  CHECK(error_of([&] { Database::open(folder.file("none/ledger.db")); }).starts_with("74 "));
  CHECK(error_of([&] { Database::open(folder.path()); }).starts_with("74 "));
  CHECK(error_of([&] { Database::open_to_read(folder.file("none.db")); }).starts_with("66 "));
  CHECK_FALSE(std::filesystem::exists(folder.file("none.db")));
}

TEST_CASE("a ledger damaged in its middle is a failure of the disk, not a defect of ours") {
  LedgerWorld world;
  world.take_members(5000, 10);
  world.database.handle().exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto size = std::filesystem::file_size(world.path);
  {
    std::fstream file(world.path, std::ios::in | std::ios::out | std::ios::binary);
    for (std::uintmax_t at = 8192; at + 100 < size; at += 4096) {
      file.seekp(static_cast<std::streamoff>(at));
      file << std::string(100, '\xA5');
    }
  }
  const std::string error = error_of([&] {
    Database again = Database::open(world.path);
    again.read([&] { check_books(again, world.job); });
    again.write([&](Transaction& transaction) {
      Chunks chunks(again, world.job);
      while (chunks.due(transaction, ledger_now).claim({100})) {
      }
    });
  });
  CHECK(error.starts_with("74 "));
  CHECK(contains(error, "restore it from a backup"));
}

TEST_CASE("reading leaves the ledger as it is, and waits for nobody") {
  LedgerWorld world;
  world.take_members(100);
  world.database.handle().exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto bytes = [&] {
    std::ifstream file(world.path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string before = bytes();
  Database reader = Database::open_to_read(world.path);
  world.database.handle().exec("BEGIN IMMEDIATE");
  reader.read([&] { CHECK(books_of(reader, world.job).all_members() == 100); });
  world.database.handle().exec("ROLLBACK");
  CHECK(error_of([&] { reader.write([&] { reader.handle().exec("DELETE FROM chunk"); }); }).starts_with("7"));
  CHECK(bytes() == before);
}

TEST_CASE("a group of changes is on disk whole or not at all") {
  LedgerWorld world;
  struct Stop {};
  CHECK_THROWS_AS(world.database.write([&] {
    world.database.handle().exec("UPDATE job SET rows_read = 77");
    throw Stop();
  }),
                  Stop);
  CHECK(world.rows("SELECT rows_read FROM job") == Rows{"0"});
  // Statements that are wrong are our fault, and say so.
  CHECK(error_of([&] {
          world.database.write([&] { world.database.handle().exec("UPDATE nothing SET x = 1"); });
        }).starts_with("70 "));
  world.database.write([&] { world.database.handle().exec("UPDATE job SET rows_read = 0"); });  // and it works on
}

TEST_CASE("a ledger is made for its owner alone, and through no link that somebody laid out") {
  const TempFolder folder;
  const std::string path = folder.file("ledger.db");
  const mode_t before = ::umask(0);
  const Database database = Database::open(path);
  ::umask(before);
  for (const char* file : {"", "-wal", "-shm"}) {
    CAPTURE(file);
    const auto mode = std::filesystem::status(path + file).permissions();
    CHECK(mode == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  }
  std::filesystem::create_symlink(folder.file("elsewhere.db"), folder.file("link.db"));
  CHECK(error_of([&] { Database::open(folder.file("link.db")); }).starts_with("74 "));
  CHECK_FALSE(std::filesystem::exists(folder.file("elsewhere.db")));
  std::filesystem::create_symlink(path, folder.file("other.db"));
  Database::open_to_read(folder.file("other.db"));  // a link to a ledger is a ledger
}

TEST_CASE("a ledger that has another name is refused: each name would have a log of its own") {
  LedgerWorld world;
  std::filesystem::create_hard_link(world.path, world.folder.file("other.db"));
  for (const std::string& path : {world.path, world.folder.file("other.db")}) {
    CHECK(contains(error_of([&] { Database::open(path); }), "78 "));
    CHECK(contains(error_of([&] { Database::open_to_read(path); }), "hard links"));
  }
  const auto lock = JobLock::take(world.database.file(), world.job);
  CHECK(error_of([&] { Database::open(world.folder.file("other.db")); }).starts_with("75 "));  // it is the same ledger
}

TEST_CASE("what is written to a ledger that is no longer in its place is an error, its log included") {
  for (const char* file : {"", "-wal", "-shm"}) {
    for (const bool is_replaced : {false, true}) {
      CAPTURE(file);
      CAPTURE(is_replaced);
      LedgerWorld world;
      world.database.write([] {});
      std::filesystem::rename(world.path + file, world.folder.file("moved"));
      if (is_replaced) std::filesystem::copy_file(world.folder.file("moved"), world.path + file);
      const std::string error = error_of([&] { world.database.write([] {}); });
      CHECK(error.starts_with("74 "));
      CHECK(contains(error, "moved, replaced or removed"));
      std::filesystem::rename(world.folder.file("moved"), world.path + file);
      world.database.write([] {});
    }
  }
}
