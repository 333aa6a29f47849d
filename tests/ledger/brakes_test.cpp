// Lists that are not believed, and leave the job as it was.
#include "ledger/brakes.h"

#include <doctest/doctest.h>

#include "calls_by_hand.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;

TEST_CASE("a list that lost most of those who are due is not believed, and the job stays as it was") {
  LedgerWorld world;
  const IntakeBrakes brakes{{}, false, "list.csv"};
  const auto read = [&](std::uint64_t from, std::uint64_t to, const IntakeBrakes& how) {
    std::vector<ListRow> rows;
    for (std::uint64_t i = from; i <= to; ++i) rows.push_back({i});
    return world.take(rows, 10, std::to_string(from) + std::to_string(to), how);
  };
  read(1, 100, brakes);
  const Rows before = world.rows("SELECT * FROM chunk");
  for (const std::string& text : {error_of([&] { read(1, 49, brakes); }), error_of([&] { read(52, 200, brakes); })}) {
    CHECK(contains(text, "65 list.csv: has shrunk: 51 of the 100 members that are not settled yet"));
    CHECK(contains(text, "--accept-shrunk"));
  }
  CHECK(contains(error_of([&] { read(1, 0, brakes); }), "65 list.csv: is empty, and had 100 members before"));
  CHECK(world.rows("SELECT * FROM chunk") == before);
  CHECK(is_read(world.database, world.job, "1100"));
  check_all(world);
  CHECK(read(1, 50, brakes).withdrawn == 50);  // no more than half
  CHECK(read(1, 31, brakes).withdrawn == 19);  // fewer than 20: a small list is its owner's business
  CHECK(read(1, 3, anything_goes).withdrawn == 28);
  Sent sent(world);
  sent.settle({{{}, fate(Outcome::invited, 201)}});
  CHECK(read(500, 501, brakes).gone > 0);  // who is settled is not withdrawn
  check_all(world);
}

TEST_CASE("who is in the list for another course has not left it") {
  LedgerWorld world;
  const IntakeBrakes brakes{{}, false, "list.csv"};
  const auto read = [&](const std::string& course, std::uint64_t from) {
    std::vector<ListRow> rows;
    for (std::uint64_t i = from; i < from + 50; ++i) rows.push_back({i, course});
    return world.take(rows, 10, course, brakes);
  };
  read("typo", 1);
  CHECK(read("right", 1).withdrawn == 50);
  check_all(world);
  CHECK(read("typo", 1).revived == 50);  // and back again
  CHECK(contains(error_of([&] { read("right", 500); }), "has shrunk: 50 of the 50"));
  // One course of another's makes up for one of theirs, and not for four.
  std::vector<ListRow> rows;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    for (const char* course : {"a", "b", "c", "d"}) rows.push_back({i, course});
  }
  world.take(rows, 10, "four", brakes);
  CHECK(contains(error_of([&] { read("e", 1); }), "has shrunk: 150 of the 200"));
}

TEST_CASE("a first list with too few rows is not taken in at all") {
  LedgerWorld world;
  CHECK(contains(error_of([&] {
                   world.take({{1}, {2}}, 10, "f", IntakeBrakes{{3}, true, "list.csv"});
                 }),
                 "65 list.csv: has 2 rows, and source.min_rows asks for 3"));
  CHECK(world.rows("SELECT * FROM chunk").empty());
  CHECK(world.take({{1}, {2}, {3}}, 10, "f", {{3}, false, "list.csv"}).added == 3);
  check_all(world);
}
