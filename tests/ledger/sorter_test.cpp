// More than fits into memory, sorted: records by themselves, and a list.
#include "ledger/sorter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <tuple>

#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;

TEST_CASE("more records than the memory allows are sorted like the rest") {
  struct Record {
    std::uint64_t key;
    std::uint64_t value;
    bool operator<(const Record& other) const { return std::tie(key, value) < std::tie(other.key, other.value); }
    bool operator==(const Record&) const = default;
  };
  const TempFolder folder;
  struct Row {
    std::size_t count, most_in_memory;
  };
  for (const Row& row : {Row{0, 10}, Row{1, 10}, Row{10, 10}, Row{11, 10}, Row{100, 10}, Row{101, 10}, Row{1000, 1},
                         Row{50'000, 7}, Row{200'000, 5000}, Row{20'000, 4096}, Row{20'481, 4096}}) {
    CAPTURE(row.count);
    CAPTURE(row.most_in_memory);
    std::mt19937_64 random(row.count);
    Sorter<Record> sorter(folder.path(), row.most_in_memory);
    std::vector<Record> expected;
    for (std::size_t i = 0; i < row.count; ++i) {
      expected.push_back({random() % (row.count / 2 + 1), i});
      sorter.add(expected.back());
    }
    std::sort(expected.begin(), expected.end());
    for (const std::size_t most : {row.count / 2, row.count, row.count}) {  // as often as one likes, to the end or not
      std::vector<Record> sorted;
      sorter.begin_reading();
      while (sorted.size() < most) sorted.push_back(*sorter.next());
      REQUIRE(std::equal(sorted.begin(), sorted.end(), expected.begin()));
      if (most == row.count) REQUIRE(sorter.next() == nullptr);
    }
  }
  CHECK(std::filesystem::is_empty(folder.path()));  // no file is left behind, nor ever has a name
  Sorter<Record> nowhere(folder.file("none"), 1);
  nowhere.add({1, 1});
  CHECK(contains(error_of([&] {
                   nowhere.add({2, 2});
                 }),
                 "74 " + folder.file("none") + ": cannot create a temporary file"));
}

TEST_CASE("a list longer than the sorter's memory is taken in and read again") {
  LedgerWorld world;
  constexpr std::uint64_t count = 700'000;  // more than 2^19 entries
  const auto row = [](std::uint64_t i) -> std::optional<MadeRow> {
    if (i > count) return std::nullopt;
    return MadeRow{i + 2, member(i < count ? i * 7'919 % count + 1 : 5).text()};
  };
  Reading reading = world.take_made(MadeRows(row), 1000);
  CHECK(reading.added == count);
  CHECK(reading.duplicates == 1);
  CHECK(world.rows("SELECT count(*) FROM chunk") == Rows{std::to_string(count / 1000)});
  check_books(world.database, world.job);
  reading = world.take_made(MadeRows(row), 1000);
  CHECK(reading.added == 0);
  CHECK(reading.members == count);
  CHECK(reading.gone == 0);
  check_books(world.database, world.job);
}
