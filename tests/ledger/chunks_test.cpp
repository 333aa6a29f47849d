// Chunks and their fates: claimed, cut, split by answers, passed over, made due again.
#include "ledger/chunks.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <random>

#include "calls_by_hand.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("chunks are claimed once, what was asked before first, the rest in order") {
  LedgerWorld world;
  world.take_members(30, 10);
  Sent sent(world);
  const Chunk first = sent.settle({{{}, due_at(ledger_now - 1s, 1)}});
  CHECK(first.ids == members(10));
  const auto again = sent.claim();
  REQUIRE(again);
  CHECK(again->id == first.id);
  CHECK(again->tries == 1);
  CHECK(again->attempts == 1);
  CHECK(sent.claim()->ids.front() == member(11));
  CHECK(sent.claim()->ids.front() == member(21));
  CHECK_FALSE(sent.claim());
  CHECK_FALSE(sent.chunks.next_due());
  sent.chunks.put_back(first.id);
  CHECK(sent.chunks.next_due() == ledger_now - 1s);
  CHECK_FALSE(sent.claim(10, {.retries = false}));  // without retries
  CHECK(sent.claim(10)->id == first.id);
}

TEST_CASE("a chunk is not due before its time") {
  LedgerWorld world;
  world.take_members(1);
  Sent sent(world);
  sent.settle({{{}, due_at(ledger_now + 10s, 1)}});
  CHECK_FALSE(sent.claim(1, {}, ledger_now + 10s - 1us));
  CHECK(sent.chunks.next_due() == ledger_now + 10s);
  CHECK(sent.claim(1, {}, ledger_now + 10s));
}

TEST_CASE("a chunk larger than asked for is cut, and nobody is lost") {
  LedgerWorld world;
  world.take_members(10, 10);
  Sent sent(world);
  sent.settle({{{}, due_at(ledger_now - 1s, 3)}});
  const auto part = sent.claim(4);
  REQUIRE(part);
  CHECK(part->ids == members(4));
  CHECK(world.rows("SELECT size, attempts, tries, not_before, lines FROM chunk ORDER BY ids") ==
        Rows{fmt::format("4|3|3|{}|[2,3,4,5]", (ledger_now - 1s).time_since_epoch().count()),
             fmt::format("6|3|3|{}|[6,7,8,9,10,11]", (ledger_now - 1s).time_since_epoch().count())});
  CHECK(sent.claim(100)->ids == members(6, 5));
  check_all(world);
}

TEST_CASE("a cut keeps what is known of the members: why they are due again, and what was said of each") {
  LedgerWorld world;
  world.take_members(3, 3);
  Sent sent(world);
  Fate late = due_at(ledger_now - 1s, 1);
  late.reason = Reason::unavailable;
  late.participants.participant_id = R"(["p1","p2","p3"])";
  late.participants.participant_status = "Invited";
  sent.settle({{{}, late}});
  REQUIRE(sent.claim(1));
  CHECK(world.rows("SELECT source_line, reason, http_status, error, participant_id, participant_status, run_id, "
                   "updated_at IS NULL FROM outcomes ORDER BY 1") == Rows{"2|unavailable|503|HTTP 503|p1|Invited|1|0",
                                                                          "3|unavailable|503|HTTP 503|p2|Invited|1|0",
                                                                          "4|unavailable|503|HTTP 503|p3|Invited|1|0"});
}

TEST_CASE("an answer that tells members apart splits their chunk, lines and all") {
  LedgerWorld world;
  world.take_members(6);
  Sent sent(world);
  Fate invited = fate(Outcome::invited, 201);
  invited.participants.participant_id = R"(["p2","p4"])";
  invited.participants.participant_status = "Invited";
  invited.participants.completion_rate = "[0,50]";
  Fate rejected = fate(Outcome::rejected, 400);
  rejected.error = "HTTP 400: no";
  sent.settle({{{1, 3}, invited}, {{0}, rejected}, {{2, 4, 5}, due_at(ledger_now + 1s, 0)}});
  CHECK(
      world.rows("SELECT substr(spot_member_id, 36), outcome, http_status, error, participant_id, participant_status, "
                 "completion_rate, source_line FROM outcomes ORDER BY 1") ==
      Rows{"1|rejected|400|HTTP 400: no|-|-|-|2", "2|invited|201|-|p2|Invited|0|3", "3|pending|503|HTTP 503|-|-|-|4",
           "4|invited|201|-|p4|Invited|50|5", "5|pending|503|HTTP 503|-|-|-|6", "6|pending|503|HTTP 503|-|-|-|7"});
  check_all(world);
  LedgerWorld other;
  other.take_members(2);
  const auto overlap = [&] { Sent(other).settle({{{}, fate(Outcome::invited)}, {{1}, fate(Outcome::invited)}}); };
  CHECK(contains(error_of(overlap), "70 a chunk's pieces overlap"));
}

TEST_CASE("random splits keep every member, with its line, exactly once") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    LedgerWorld world;
    world.take_members(40, 13);
    Sent sent(world);
    for (int call = 0; call < 12; ++call) {
      const auto chunk = sent.claim(std::uniform_int_distribution<int>(1, 13)(random));
      if (!chunk) break;
      std::map<std::uint64_t, Piece> pieces;
      for (std::uint32_t i = 0; i < chunk->ids.size(); ++i) {
        Piece& piece = pieces[random() % 4];
        piece.members.push_back(i);
        piece.fate = fate(all_outcomes[random() % 6]);
      }
      std::vector<Piece> list;
      for (auto& [key, piece] : pieces) list.push_back(std::move(piece));
      sent.record(*chunk, list);
    }
    check_all(world);
    Rows expected;
    for (int number = 1; number <= 40; ++number) expected.push_back(fmt::format("{:04x}|{}", number, number + 1));
    REQUIRE(world.rows("SELECT substr(spot_member_id, 33), source_line FROM outcomes ORDER BY 1") == expected);
  }
}

TEST_CASE("the members of a refused course stay due, and are passed over as long as the run lasts") {
  LedgerWorld world;
  world.take({{1, "a"}, {2, "a"}, {3, "a"}, {4, "b"}}, 1);
  Sent sent(world);
  const Chunk settled = sent.settle({{{}, fate(Outcome::invited, 201)}});
  const auto in_flight = sent.claim();
  sent.chunks.refuse_target(settled.target_no);
  CHECK(sent.claim()->ids == std::vector{member(4)});
  CHECK_FALSE(sent.claim());
  CHECK_FALSE(sent.chunks.next_due());
  sent.chunks.put_back(in_flight->id);
  CHECK_FALSE(sent.chunks.next_due());
  CHECK(sent.chunks.due_of_refused_targets() == std::map<std::int64_t, std::int64_t>{{settled.target_no, 2}});
  CHECK(world.rows("SELECT substr(spot_member_id, 36), course_id, outcome FROM outcomes ORDER BY 1") ==
        Rows{"1|a|invited", "2|a|pending", "3|a|pending", "4|b|pending"});
  Chunks next(world.database, world.job);  // another run asks again
  world.database.write([&](Transaction& transaction) {
    CHECK(next.due(transaction, ledger_now).claim({1})->ids == std::vector{member(2)});
  });
  check_all(world);
}

TEST_CASE("a course that was never accepted is asked for by one call at a time, until it is") {
  LedgerWorld world;
  world.take({{1, "a"}, {2, "a"}, {3, "a"}, {4, "b"}}, 1);
  RunLog log(world.database, world.job, wall_now);
  Chunks chunks(world.database, world.job);
  const auto claim = [&] {
    return world.database.write(
        [&](Transaction& transaction) { return chunks.due(transaction, ledger_now).claim({1}); });
  };
  const auto first = claim();
  CHECK(first->ids == std::vector{member(1)});
  CHECK(claim()->ids == std::vector{member(4)});  // of the other course
  CHECK_FALSE(claim());
  CHECK_FALSE(chunks.next_due());  // what is on trial is waited for by its answer
  world.database.write([&](Transaction& transaction) {
    chunks.record(transaction, *first, {{{}, due_at(ledger_now, 1)}}, log.run(), wall_now);
  });
  const auto second = claim();  // a failure proves nothing
  CHECK(second);
  CHECK_FALSE(claim());
  world.database.write([&](Transaction& transaction) {
    chunks.record(transaction, *second, {{{}, fate(Outcome::invited, 201)}}, log.run(), wall_now);
    chunks.accept_target(transaction, second->target_no);
  });
  CHECK(claim());
  CHECK(claim());
  Chunks later(world.database, world.job);
  CHECK(later.is_accepted(second->target_no));
}

TEST_CASE("members are made due again by outcome, as if never asked but for their attempts") {
  LedgerWorld world;
  world.take_members(4, 1);
  Sent sent(world);
  Fate failed = due_at({}, 6);
  failed.outcome = Outcome::failed;
  failed.missing = 2;
  failed.quiet = true;
  sent.settle({{{}, failed}});
  sent.settle({{{}, fate(Outcome::rejected, 400)}});
  sent.settle({{{}, fate(Outcome::invited, 201)}});
  CHECK(sent.make_due({Outcome::failed}) == 1);
  CHECK(
      world.rows(
          "SELECT outcome, attempts, tries, missing, quiet, not_before, http_status, error FROM chunk ORDER BY ids") ==
      Rows{"pending|6|0|0|1|-1|-|-", "rejected|0|0|0|0|0|400|-", "invited|0|0|0|0|0|201|-", "pending|0|0|0|0|0|-|-"});
  SUBCASE("or by the run that settled them") {
    RunLog other(world.database, world.job, wall_now);
    CHECK(sent.make_due({Outcome::rejected}, other.run()) == 0);
    CHECK(sent.make_due({Outcome::rejected}, sent.log.run()) == 1);
  }
  check_all(world);
}

TEST_CASE("lines are kept as a JSON array and read back") {
  for (const std::vector<std::uint64_t>& lines :
       std::vector<std::vector<std::uint64_t>>{{1}, {1, 2, 3}, {9'007'199'254'740'993, 1}, {4'000'000'000}}) {
    CHECK(decode_lines(encode_lines(lines)) == lines);
  }
  CHECK(encode_lines({7, 8, 12}) == "[7,8,12]");
}
