// Runs and calls, as they are logged.
#include "ledger/run_log.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "calls_by_hand.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("calls that a dead process left open are found by the next run, and closed as interrupted") {
  LedgerWorld world;
  world.take_members(2, 1);
  RunId dead = 0;
  {
    Sent sent(world);
    dead = sent.log.run();
    world.database.write([&](Transaction& transaction) {
      sent.log.begin_call(transaction, *sent.chunks.due(transaction, ledger_now).claim({1}), wall_now);
      CHECK(sent.log.open_calls().empty());  // its own are not lost
    });
  }
  Sent next(world);
  const auto open = next.log.open_calls();
  REQUIRE(open.size() == 1);
  CHECK(next.chunks.read(open[0].chunk).ids == members(1));
  world.database.write([&](Transaction& transaction) { next.log.close_interrupted(transaction, open[0].call); });
  CHECK(next.log.open_calls().empty());
  CHECK(world.rows("SELECT error, latency_ms, http_status FROM calls") == Rows{"convoke ended before the answer|-|-"});
  CHECK(world.rows(fmt::format("SELECT stopped_by, exit_code, ended_at IS NULL FROM runs WHERE run_id = {}", dead)) ==
        Rows{"killed|-|0"});
  CHECK_THROWS_AS(next.chunks.read(4711), Error);
}

TEST_CASE("a call that never went out leaves no trace") {
  LedgerWorld world;
  world.take_members(1);
  Sent sent(world);
  const auto chunk = sent.claim();
  world.database.write([&](Transaction& transaction) {
    const CallId call = sent.log.begin_call(transaction, *chunk, wall_now);
    sent.log.cancel_call(transaction, call, *chunk);
  });
  CHECK(sent.log.counts().calls == 0);
  CHECK(world.rows("SELECT count(*) FROM calls") == Rows{"0"});
}

TEST_CASE("a run's row has its counts and, at its end, the reading's") {
  LedgerWorld world;
  world.take({{1}, {1}, {0}});
  Sent sent(world);
  world.database.write([&](Transaction& transaction) {
    sent.log.count(Outcome::invited, 5);
    sent.log.count(Outcome::rejected, 2);
    sent.log.uncount(Outcome::rejected, 1);
    sent.log.count(Outcome::pending, 9);
    sent.log.end(transaction, 75, "signal", "interrupted", wall_now + 1500ms);
  });
  CHECK(sent.log.counts().handled() == 6);
  CHECK(
      world.rows("SELECT * FROM runs") ==
      Rows{"1|news|2023-11-14T22:13:20.000Z|2023-11-14T22:13:21.500Z|75|signal|interrupted|3|1|1|0|5|0|1|0|0|0|0|run"});
}

TEST_CASE("a call's row says when, how long, and what came of it") {
  LedgerWorld world;
  world.take_members(3);
  Sent sent(world);
  sent.settle({{{}, due_at(ledger_now, 1)}});
  CHECK(world.rows("SELECT * FROM calls") == Rows{"1|1|news|c1|2023-11-14T22:13:20.000Z|50|503|HTTP 503|3|-|invite"});
}
