// Lists taken in: their members, duplicates and invalid rows, and what is left of a reading that breaks off.
#include "ledger/intake.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <stop_token>

#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;

TEST_CASE("a new list is taken in: members once, duplicates and invalid rows counted, all accounted for") {
  LedgerWorld world;
  const Reading reading = world.take({{3}, {1}, {0}, {1}, {2}, {0}, {1}});
  CHECK(describe(reading) == "7 rows, 2 invalid, 2 duplicates, 3 members, 3 added, 0 revived, 0 gone, 0 withdrawn");
  CHECK(outcomes_of(world) == Rows{"0001@c1 pending line 3", "0002@c1 pending line 6", "0003@c1 pending line 2"});
  CHECK(world.rows("SELECT * FROM invalid_rows") == Rows{"news|4|n/a|not_an_id", "news|7|n/a|not_an_id"});
  const Books books = books_of(world.database, world.job);
  CHECK(books.rows_read == 7);
  CHECK(books.of(Outcome::pending) == 3);
  CHECK(books.balance());
  check_all(world);
}

TEST_CASE("an empty list is a list") {
  LedgerWorld world;
  CHECK(world.take({}).rows == 0);
  check_all(world);
  CHECK(is_read(world.database, world.job, "f"));
}

TEST_CASE("the same member in two courses is two members, each with its own line") {
  LedgerWorld world;
  const Reading reading = world.take({{1, "b"}, {1, "a"}, {2, "a"}, {1, "b"}});
  CHECK(reading.members == 3);
  CHECK(reading.duplicates == 1);
  CHECK(outcomes_of(world) == Rows{"0001@a pending line 3", "0002@a pending line 4", "0001@b pending line 2"});
  CHECK(world.rows("SELECT count(*) FROM chunk") == Rows{"2"});  // a chunk is of one course
  check_all(world);
}

TEST_CASE("members are packed in chunks of the size asked for, the last one smaller") {
  LedgerWorld world;
  world.take_members(250, 100);
  CHECK(world.rows("SELECT size FROM chunk ORDER BY chunk_id") == Rows{"100", "100", "50"});
}

TEST_CASE("a reading is remembered by its fingerprint only when it came to its end") {
  LedgerWorld world;
  world.take({{1}, {2}, {0}}, 100, "one");
  CHECK(is_read(world.database, world.job, "one"));
  CHECK_FALSE(is_read(world.database, world.job, "two"));
  CHECK_FALSE(is_read(world.database, world.job, ""));
  struct Broken {};
  const auto broken = [](std::uint64_t number) -> std::optional<MadeRow> {
    if (number < 2) return MadeRow{number + 2, number == 0 ? member(7).text() : "x"};
    throw Broken();
  };
  CHECK_THROWS_AS(world.take_made(MadeRows(broken), 100, "two"), Broken);
  CHECK(is_read(world.database, world.job, "one"));  // nothing of the other was taken in
  CHECK_FALSE(is_read(world.database, world.job, "two"));
  check_all(world);
  world.take({{7}, {1}}, 100, "two");
  CHECK(is_read(world.database, world.job, "two"));
  CHECK(books_of(world.database, world.job).balance());
  check_all(world);
  world.take({{7}, {1}}, 100, "");  // standard input has no fingerprint
  CHECK_FALSE(is_read(world.database, world.job, ""));
}

TEST_CASE("of a list that is asked to stop nobody is taken in, though there are more rows") {
  LedgerWorld world;
  world.take({{1}, {2}}, 100, "one");
  std::stop_source stop;
  MadeRows source([&](std::uint64_t number) -> std::optional<MadeRow> {
    if (number == 1) stop.request_stop();
    REQUIRE(number < 2);
    return MadeRow{number + 2, member(number + 5).text()};
  });
  MemberList list(source, {}, stop.get_token());
  Chunks chunks(world.database, world.job);
  Resolution resolution(world.database, world.job, chunks);
  CHECK_FALSE(take_in(world.database, world.job, list, resolution, 100, anything_goes, "two", WallTime{}));
  CHECK(is_read(world.database, world.job, "one"));
  CHECK(books_of(world.database, world.job).in_list() == 2);
  check_all(world);
}

TEST_CASE("long values of invalid rows are cut") {
  LedgerWorld world;
  const std::string value(5000, 'x');
  world.take_made(MadeRows({{2, value}}));
  CHECK(world.rows("SELECT length(value) FROM invalid_rows") == Rows{"200"});
}

TEST_CASE("invalid rows take no memory, however many they are") {
  LedgerWorld world;
  const std::string value(200, 'x');
  sqlite3_memory_highwater(1);
  world.take_made(MadeRows([&](std::uint64_t number) {
    return number < 150'000 ? std::optional(MadeRow{number + 2, value}) : std::nullopt;
  }));
  CHECK(troubles_of(world.database, world.job).at(0).count == 150'000);
  CHECK(sqlite3_memory_highwater(0) < 20'000'000);
}
