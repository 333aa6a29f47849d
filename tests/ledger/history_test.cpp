// What the ledger remembers of members when their chunk is no longer the one they were asked in, and what a call leaves
// behind that never went out.
#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "ledger/story.h"
#include "ledger_world.h"
#include "run/run_ledger.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

const LedgerTime when_asked{1h};

// A run that asks for members and is told what became of them.
struct Asking {
  explicit Asking(LedgerWorld& ledger)
      : world(ledger), log(ledger.database, ledger.job, WallTime{}), chunks(ledger.database, ledger.job) {
    // The course is known to be there: as many chunks may be in flight as one likes.
    world.database.handle().exec("UPDATE target SET accepted = 1");
  }

  void ask_for_next(int members, const std::vector<Piece>& pieces) {
    world.database.write([&](Transaction& transaction) {
      const auto chunk = chunks.due(transaction, when_asked).claim({members});
      REQUIRE(chunk);
      const CallId call = log.begin_call(transaction, *chunk, WallTime{});
      log.end_call(transaction, call, {10ms, 201, Reason::none, {}});
      chunks.record(transaction, *chunk, pieces, log.run(), WallTime{});
    });
  }
  void repack(int chunk_size) {
    world.database.write([&](Transaction& transaction) { chunks.repack(transaction, {chunk_size}); });
  }
  std::vector<CallId> calls_for(std::uint64_t number) {
    std::vector<CallId> calls;
    for (const Story& story : story_of(world.database, world.job, {member(number), {}})) {
      for (const StoryCall& call : story.calls) calls.push_back(call.call);
    }
    return calls;
  }

  LedgerWorld& world;
  RunLog log;
  Chunks chunks;
};

Fate asked(Outcome outcome, int attempts) {
  Fate fate;
  fate.outcome = outcome;
  fate.attempts = attempts;
  return fate;
}

}  // namespace

TEST_CASE("a call is known to have asked for all its members, also after an answer told them apart") {
  LedgerWorld world;
  world.take_members(3);
  Asking asking(world);
  asking.ask_for_next(3, {{{0}, asked(Outcome::invited, 1)}, {{1, 2}, asked(Outcome::pending, 1)}});
  for (std::uint64_t number = 1; number <= 3; ++number) {
    CAPTURE(number);
    CHECK(asking.calls_for(number) == std::vector<CallId>{1});
  }
}

TEST_CASE("and after those who are still due were packed anew with others") {
  LedgerWorld world;
  world.take_members(4, 2);
  Asking asking(world);
  // Asked, and as due as before.
  world.database.write([&](Transaction& transaction) {
    const auto one = asking.chunks.due(transaction, when_asked).claim({2});
    const auto other = asking.chunks.due(transaction, when_asked).claim({2});
    for (const auto& chunk : {one, other}) {
      REQUIRE(chunk);
      const CallId call = asking.log.begin_call(transaction, *chunk, WallTime{});
      asking.log.end_call(transaction, call, {10ms, 201, Reason::none, {}});
      asking.chunks.record(transaction, *chunk, {{{}, asked(Outcome::pending, 1)}}, asking.log.run(), WallTime{});
    }
  });
  asking.repack(4);
  CHECK(world.rows("SELECT size FROM chunk") == Rows{"4"});
  for (std::uint64_t number = 1; number <= 4; ++number) {
    CAPTURE(number);
    CHECK(asking.calls_for(number) == std::vector<CallId>{number <= 2 ? 1 : 2});
  }
}

TEST_CASE("who was never asked is not packed with who was: each keeps the number of calls that asked for him") {
  LedgerWorld world;
  world.take_members(4, 2);
  Asking asking(world);
  asking.ask_for_next(2, {{{}, asked(Outcome::pending, 3)}});
  asking.repack(100);
  CHECK(world.rows("SELECT substr(spot_member_id, 36), attempts FROM outcomes ORDER BY 1") ==
        Rows{"1|3", "2|3", "3|0", "4|0"});
}

TEST_CASE("who is to be asked without e-mail is not packed with who is not") {
  LedgerWorld world;
  world.take_members(4, 2);
  Asking asking(world);
  Fate quiet = asked(Outcome::pending, 0);
  quiet.quiet = true;
  asking.ask_for_next(2, {{{}, quiet}});
  asking.repack(100);
  CHECK(world.rows("SELECT quiet, size FROM chunk ORDER BY ids") == Rows{"1|2", "0|2"});
}

TEST_CASE("who is to be asked without e-mail stays so, gone from the list and back in it") {
  LedgerWorld world;
  world.take_members(2, 1);
  Asking asking(world);
  Fate quiet = asked(Outcome::pending, 1);
  quiet.quiet = true;
  asking.ask_for_next(1, {{{}, quiet}});
  world.take({});
  CHECK(world.rows("SELECT quiet, outcome FROM chunk ORDER BY ids") == Rows{"1|withdrawn", "0|withdrawn"});
  world.take_members(2, 1);
  CHECK(world.rows("SELECT quiet, outcome FROM chunk ORDER BY ids") == Rows{"1|pending", "0|pending"});
}

TEST_CASE("a call that is put back leaves no trace: it counts for no limit, and its members are as due as before") {
  LedgerWorld world;
  world.take_members(3, 1);
  StillClock clock;
  boost::asio::io_context loop;
  LimitSettings limits;
  limits.calls = {{100, 10s}};
  RunLedger ledger(world.database, world.job, "http://api", limits, 30s, std::nullopt, 100, LedgerClock(clock, 0s),
                   loop.get_executor());
  const auto taken = [&] { return world.rows("SELECT count(*) FROM slot WHERE free_at > 3600000000"); };
  Claims claims;
  const auto claim = [&]() -> boost::asio::awaitable<void> { claims = co_await ledger.claim({1, 100, false, 1}); };
  const auto put_back = [&]() -> boost::asio::awaitable<void> { co_await ledger.put_back(std::move(claims.calls)); };
  const auto do_now = [&](const auto& action) {
    boost::asio::co_spawn(loop, action, [](std::exception_ptr error) { REQUIRE_FALSE(error); });
    loop.restart();
    loop.run();
  };
  do_now(claim);
  REQUIRE(claims.calls.size() == 1);
  CHECK(taken() == Rows{"1"});
  CHECK(world.rows("SELECT count(*) FROM call WHERE open = 1") == Rows{"1"});
  do_now(put_back);
  CHECK(taken() == Rows{"0"});
  CHECK(world.rows("SELECT count(*) FROM call") == Rows{"0"});
  do_now(claim);
  REQUIRE(claims.calls.size() == 1);
  CHECK(claims.calls[0].chunk.ids == members(1));
}
