// Courses by number, however many a list names.
#include "ledger/target_numbers.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sqlite3.h>

#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;

TEST_CASE("new courses are numbered where their members are written: no commit of their own") {
  LedgerWorld world;
  std::vector<ListRow> rows;
  for (std::uint64_t i = 1; i <= 2000; ++i) rows.push_back({i, fmt::format("course {}", (i * 7919) % 2000)});
  rows.push_back({1, "course 0"});
  int commits = 0;
  sqlite3_commit_hook(
      world.database.handle().getHandle(), [](void* count) { return ++*static_cast<int*>(count), 0; }, &commits);
  const Reading reading = world.take(rows);
  CHECK(reading.members == 2001);
  CHECK(commits < 10);
  CHECK(world.rows("SELECT count(*), count(DISTINCT target_no) FROM chunk") == Rows{"2000|2000"});
  CHECK(world.rows("SELECT count(*) FROM target") == Rows{"2000"});
  check_all(world);
  SUBCASE("they are known to the next reading") {
    rows.push_back({5000, "course 1"});
    rows.push_back({5001, "course new"});
    CHECK(describe(world.take(rows)) ==
          "2003 rows, 0 invalid, 0 duplicates, 2003 members, 2 added, 0 revived, 0 gone, 0 withdrawn");
    CHECK(world.rows("SELECT count(*) FROM target") == Rows{"2001"});
    check_all(world);
  }
  SUBCASE("and a reading that is not believed leaves none behind") {
    CHECK(error_of([&] { world.take({{1, "another"}}, 100, "f", {{}, false, "list.csv"}); }).starts_with("65 "));
    CHECK(world.rows("SELECT count(*) FROM target") == Rows{"2000"});
  }
}

TEST_CASE("courses keep their number in memory that does not grow with them, and get the ledger's when asked") {
  LedgerWorld world;
  const auto course = [](std::int64_t i) { return fmt::format("{:0>300}", i); };
  constexpr std::int64_t count = 100'000;
  TargetNumbers numbers(&world.database, world.job, TargetKind::course);
  const auto before = mallinfo2();
  for (std::int64_t i = 0; i < count; ++i) REQUIRE(numbers.number_of(course(i)) == TargetNumbers::first_new + i + 1);
  const auto after = mallinfo2();
  CHECK(after.uordblks + after.hblkhd < before.uordblks + before.hblkhd + 16'000'000);
  for (const std::int64_t i : {std::int64_t{0}, std::int64_t{7}, count - 1})
    CHECK(numbers.number_of(course(i)) == TargetNumbers::first_new + i + 1);
  world.database.write([&](Transaction& transaction) {
    CHECK(numbers.in_ledger(transaction, TargetNumbers::first_new + 8) == 1);
    CHECK(numbers.in_ledger(transaction, TargetNumbers::first_new + 8) == 1);
    CHECK(numbers.in_ledger(transaction, TargetNumbers::first_new + count) == 2);
  });
  CHECK(world.rows("SELECT target_no, ltrim(id, '0') FROM target") == Rows{"1|7", "2|99999"});
  CHECK(TargetNumbers(&world.database, world.job, TargetKind::course).number_of(course(7)) == 1);
}
