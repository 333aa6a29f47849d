// SQL with types: what goes in comes out as it was, and nothing is held when it is done.
#include "ledger/statement.h"

#include <doctest/doctest.h>

#include "members.h"
#include "temp_folder.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

struct Shelf {
  TempFolder folder;
  Database database = Database::open(folder.file("ledger.db"), Durability::process);

  Shelf() { database.handle().exec("CREATE TABLE thing (thing_id INTEGER PRIMARY KEY, value)"); }
  void put(int count) {
    Statement put(database, "INSERT INTO thing (value) VALUES (?)");
    for (int i = 1; i <= count; ++i) put.run(i);
  }
  std::string error_of_use(const std::string& sql, int argument) {
    try {
      database.write([&](Transaction& transaction) { Statement(transaction, sql).run(argument); });
    } catch (const Error& error) {
      return std::to_string(static_cast<int>(error.exit())) + " " + error.what();
    }
    return {};
  }
};

// What `value` is for SQLite, and whether it is read as it was.
template <class Value>
std::string stored(Shelf& shelf, const Value& value) {
  Statement put(shelf.database, "INSERT OR REPLACE INTO thing VALUES (1, ?)");
  CHECK(put.run(value) == 1);
  Statement get(shelf.database, "SELECT value FROM thing");
  if constexpr (!std::is_same_v<Value, MemberId>) CHECK(get.the<Value>() == value);
  return Statement(shelf.database, "SELECT quote(value) FROM thing").the<std::string>();
}

}  // namespace

TEST_CASE("each type has its form in the ledger, and is read as it was") {
  Shelf shelf;
  CHECK(stored(shelf, true) == "1");
  CHECK(stored(shelf, -7) == "-7");
  CHECK(stored(shelf, std::int64_t{1} << 62) == "4611686018427387904");
  CHECK(stored(shelf, std::uint64_t{9'007'199'254'740'993}) == "9007199254740993");
  CHECK(stored(shelf, 0.5) == "0.5");
  CHECK(stored(shelf, std::string("it's")) == "'it''s'");
  CHECK(stored(shelf, std::string()) == "''");
  CHECK(stored(shelf, Outcome::already_invited) == "'already_invited'");
  CHECK(stored(shelf, Reason::timed_out) == "'timed_out'");
  CHECK(stored(shelf, Reason::none) == "NULL");
  CHECK(stored(shelf, Duration(1500ms)) == "1500000");
  CHECK(stored(shelf, LedgerTime(2s)) == "2000000");
  CHECK(stored(shelf, WallTime(1'700'000'000s)) == "1700000000000");
  CHECK(stored(shelf, member(1)) == stored(shelf, std::vector<MemberId>{member(1)}));
  CHECK(stored(shelf, members(3)).size() == 3 * 32 + 3);
  CHECK(stored(shelf, std::optional<int>()) == "NULL");
  CHECK(stored(shelf, std::optional(WallTime(1s))) == "1000");
}

TEST_CASE("NULL stands for what is empty, where that is asked for, and is read as empty") {
  Shelf shelf;
  Statement put(shelf.database, "INSERT OR REPLACE INTO thing VALUES (1, ?)");
  Statement get(shelf.database, "SELECT value IS NULL, value FROM thing");
  for (const std::string text : {"", "text"}) {
    put.run(OrNull(text));
    CHECK(get.the<bool, std::string>() == std::tuple(text.empty(), text));
  }
  for (const int number : {0, 503}) {
    put.run(OrNull(number));
    CHECK(get.the<bool, int>() == std::tuple(number == 0, number));
  }
}

TEST_CASE("a row that is not there is none, or an error where one must be") {
  Shelf shelf;
  Statement find(shelf.database, "SELECT value FROM thing WHERE thing_id = ?");
  CHECK_FALSE(find.row<int>(1));
  CHECK_THROWS_AS(find.the<int>(1), Error);
  CHECK(Statement(shelf.database, "INSERT INTO thing (value) VALUES (?)").insert("seven") == 1);
  CHECK(find.row<std::string>(1) == "seven");
}

TEST_CASE("rows come in turn, and their arguments need not last") {
  Shelf shelf;
  shelf.put(3);
  Statement find(shelf.database, "SELECT thing_id, value || ? FROM thing ORDER BY thing_id");
  std::string text;
  for (const auto& [id, value] : find.rows<int, std::string>(std::string(100, 'x')))
    text += std::to_string(id) + value.substr(0, 2) + " ";
  CHECK(text == "11x 22x 33x ");
}

TEST_CASE("nothing is held once a statement is done, however it was left") {
  Shelf shelf;
  shelf.put(3);
  Statement all(shelf.database, "SELECT value FROM thing");
  struct Stop {};
  const auto stop_at_first = [&] {
    for (const int value : all.rows<int>()) {
      CHECK(value == 1);
      throw Stop();
    }
  };
  // A statement that is still under way would not let a pragma change the journal.
  const auto is_free = [&] {
    return Statement(shelf.database, "PRAGMA journal_mode = DELETE").the<std::string>() == "delete" &&
           Statement(shelf.database, "PRAGMA journal_mode = WAL").the<std::string>() == "wal";
  };
  CHECK(all.the<int>() == 1);  // and there are more
  CHECK(is_free());
  CHECK_THROWS_AS(stop_at_first(), Stop);
  CHECK(is_free());
  for (const int value : all.rows<int>()) {
    if (value == 2) break;
  }
  CHECK(is_free());
  {
    auto some = all.rows<int>();
    CHECK(some.next() == 1);
    CHECK_THROWS(is_free());
    const auto rest = std::move(some);
  }
  CHECK(is_free());
  auto to_the_end = all.rows<int>();
  while (to_the_end.next()) {
  }
  CHECK(is_free());  // though it is there still
  CHECK_FALSE(to_the_end.next());
  Statement(shelf.database, "CREATE UNIQUE INDEX once ON thing (value)").run();
  Statement put(shelf.database, "INSERT INTO thing (value) VALUES (?)");
  CHECK_THROWS_AS(put.run(1), SQLite::Exception);
  CHECK(is_free());
  CHECK(put.run(4) == 1);
}

TEST_CASE("arguments that are not the statement's are a defect, and a word that is no outcome a damaged ledger") {
  Shelf shelf;
  shelf.put(1);
  CHECK(shelf.error_of_use("DELETE FROM thing WHERE thing_id = ? OR value = ?", 1)
            .ends_with("a statement has other parameters than arguments"));
  CHECK(shelf.error_of_use("DELETE FROM nothing WHERE x = ?", 1).starts_with("70 "));
  const std::string damaged = shelf.folder.file("ledger.db") + ": the ledger is damaged: an outcome in it is none";
  CHECK_THROWS_WITH_AS(Statement(shelf.database, "SELECT 'lost'").the<Outcome>(), damaged.c_str(), Error);
  CHECK(Statement(shelf.database, "SELECT 'of tomorrow'").the<Reason>() == Reason::none);
}

TEST_CASE("a transaction gives what was made of it, once it is committed; one that only reads cannot write") {
  Shelf shelf;
  const auto number = shelf.database.write([](Transaction& transaction) {
    return Statement(transaction, "INSERT INTO thing (value) VALUES ('a')").insert();
  });
  CHECK(number == 1);
  static_assert(!std::is_constructible_v<Transaction, Database&>);
  static_assert(!std::is_copy_constructible_v<Transaction>);
  const auto count = shelf.database.read(
      [](const Transaction& transaction) { return Statement(transaction, "SELECT count(*) FROM thing").the<int>(); });
  CHECK(count == 1);
  const auto change = [](Transaction&) {};
  static_assert(!std::is_invocable_v<decltype(change), const Transaction&>);
}
