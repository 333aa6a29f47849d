// The books of a job, what is not well in them, and what a hand that changed the ledger cannot hide.
#include "ledger/books.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "calls_by_hand.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;

TEST_CASE("the most frequent troubles come first, ids and numbers aside, each with an example") {
  LedgerWorld world;
  world.take({{1}, {2}, {3}, {4}, {5}, {0}, {0}}, 1);
  Sent sent(world);
  const auto bad = [&](Outcome outcome, Reason reason, const std::string& error) {
    Fate fate_of = fate(outcome, 400);
    fate_of.reason = reason;
    fate_of.error = error;
    sent.settle({{{}, fate_of}});
  };
  bad(Outcome::rejected, Reason::not_in_answers, "not in the answers");
  bad(Outcome::rejected, Reason::refused, "no member " + member(2).text() + " in 17");
  bad(Outcome::rejected, Reason::refused, "no member " + member(3).text() + " in 4");
  bad(Outcome::failed, Reason::timed_out, "no answer within 30 s");
  std::string text;
  for (const Trouble& trouble : troubles_of(world.database, world.job)) {
    text += fmt::format("{} {} {} ({}) line {}\n", trouble.count, trouble.outcome, name_of(trouble.reason),
                        trouble.words, trouble.source_line);
  }
  CHECK(text ==
        "2 rejected refused (no member # in #) line 3\n"
        "1 rejected not_in_answers (not in the answers) line 2\n"
        "1 failed timed_out (no answer within # s) line 5\n"
        "2 invalid not_an_id () line 7\n");
  CHECK(troubles_of(world.database, world.job, 1).size() == 3);
}

TEST_CASE("the schema sees to it that a chunk holds the members it counts") {
  for (const std::string change :
       {"UPDATE chunk SET size = size + 1", "UPDATE chunk SET ids = substr(ids, 17) WHERE chunk_id = 1",
        "UPDATE chunk SET lines = '[2]' WHERE chunk_id = 1", "UPDATE chunk SET lines = '[2,3,4]' WHERE chunk_id = 1",
        "UPDATE chunk SET lines = '{\"2\":3}'", "UPDATE chunk SET lines = '2'", "UPDATE chunk SET lines = '[2,3'",
        "UPDATE chunk SET lines = ''"}) {
    CAPTURE(change);
    LedgerWorld world;
    world.take({{1}, {2}, {3}, {0}, {1}}, 2);
    CHECK_THROWS_AS(world.database.handle().exec(change), SQLite::Exception);
  }
}

TEST_CASE("lines that a hand has made fewer than the members are a damaged ledger, and never read beyond") {
  for (const std::string lines : {"[]", "[2]", "[2,3]", "", "x", "[", "[[2,3,4,5],6]"}) {
    CAPTURE(lines);
    LedgerWorld world;
    world.take_members(3);
    world.database.handle().exec("PRAGMA ignore_check_constraints = 1");
    world.database.handle().exec("UPDATE chunk SET lines = '" + lines + "'");
    const std::string damaged = "74 " + world.path + ": the ledger is damaged: chunk 1 has 3 members and";
    Sent sent(world);
    CHECK(error_of([&] { sent.claim(1); }).starts_with(damaged));
    CHECK(error_of([&] {
            sent.settle({{{0}, fate(Outcome::invited, 201)}, {{1, 2}, due_at(ledger_now, 1)}});
          }).starts_with(damaged));
    CHECK(error_of([&] { sent.repack(2); }).starts_with(damaged));
    CHECK(error_of([&] { world.take_members(2); }).starts_with(damaged));
  }
}

TEST_CASE("an outcome that is none, and a chunk that is not there, are a damaged ledger") {
  LedgerWorld world;
  world.take_members(3);
  world.database.handle().exec("UPDATE chunk SET outcome = 'lost' WHERE chunk_id = 1");
  const std::string damaged = "74 " + world.path + ": the ledger is damaged: ";
  CHECK(error_of([&] { books_of(world.database, world.job); }).starts_with(damaged + "an outcome in it is none"));
  Sent sent(world);
  CHECK(error_of([&] { sent.chunks.read(9); }).starts_with(damaged + "chunk 9 is not in it"));
}

TEST_CASE("books that were tampered with are a defect, with the numbers") {
  for (const std::string change : {"UPDATE job SET rows_read = rows_read + 1", "UPDATE job SET invalid = 0",
                                   "UPDATE job SET duplicates = 5", "DELETE FROM chunk WHERE chunk_id = 1"}) {
    CAPTURE(change);
    LedgerWorld world;
    world.take({{1}, {2}, {3}, {0}, {1}}, 2);
    check_books(world.database, world.job);
    world.database.handle().exec(change);
    const std::string error = error_of([&] { check_books(world.database, world.job); });
    CHECK(error.starts_with("70 " + world.path));
  }
  LedgerWorld world;
  world.take({{1}, {2}, {3}, {0}, {1}});
  world.database.handle().exec("UPDATE job SET rows_read = 9");
  CHECK(contains(error_of([&] { check_books(world.database, world.job); }),
                 "9 rows read, but 3 members in the list + 1 duplicates + 0 unknown addresses + 1 invalid rows"));
}
