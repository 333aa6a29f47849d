// Slots as the ledger keeps them: what a new window knows of the calls before it, and that they say what those in
// memory say.
#include "ledger/slots.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "ledger_world.h"
#include "limiter_by_hand.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("a window that is new to the ledger starts with the calls it still covers") {
  LedgerWorld world;
  world.take_members(6, 1);
  StillClock clock;
  const LedgerTime now = at(0s);
  LedgerSlots slots(world.database);
  const auto know = [&](const std::vector<Duration>& own, LedgerTime when, WallTime wall) {
    world.database.write([&](Transaction& transaction) { slots.know(transaction, own, when, wall, 45s); });
  };
  std::vector<CallId> calls;
  {
    RunLog log(world.database, world.job, clock.wall());
    Chunks chunks(world.database, world.job);
    world.database.write([&](Transaction& transaction) {
      // An hour and a half, 50 min, 30 min and 20 min ago, and one just now without an answer yet.
      chunks.accept_target(transaction, 1);
      for (const auto ago : {90min, 50min, 30min, 20min, 0min}) {
        const auto chunk = chunks.due(transaction, now).claim({1});
        calls.push_back(log.begin_call(transaction, *chunk, clock.wall() - ago));
      }
      log.end_call(transaction, calls[0], {100ms, 201, Reason::none, ""});
      log.end_call(transaction, calls[1], {100ms, 201, Reason::none, ""});
      log.end_call(transaction, calls[2], {30s, 0, Reason::timed_out, "no answer within 30 s"});
      log.close_interrupted(transaction, calls[3]);
    });
  }
  know({1h}, now, clock.wall());
  CHECK(slots.taken(1h, now) == 4);  // the interrupted one, too, may have been counted
  REQUIRE(slots.size(1h) == 4);
  CHECK(slots.earliest(1h, 0).free_at == now + 10min + 45s);  // it may have been claimed 45 s before it was counted
  CHECK(slots.earliest(1h, 1).free_at == now + 30min + 45s);
  CHECK(slots.earliest(1h, 2).free_at == now + 40min + 45s);
  CHECK(slots.earliest(1h, 3).free_at == now + 60min + 45s);
  SUBCASE("once") {
    know({1h}, now, clock.wall());
    CHECK(slots.size(1h) == 4);
  }
  SUBCASE("a wall clock set back since makes no call later than now") {
    know({2h}, now, clock.wall() - 24h * 365);
    REQUIRE(slots.size(2h) > 0);
    CHECK(slots.earliest(2h, slots.size(2h) - 1).free_at <= now + 2h + 45s);
  }
  SUBCASE("and it gains a slot for each call of a run that has no limit of it") {
    const auto run_with = [&](std::vector<Duration> windows, int count) {
      RunLog log(world.database, world.job, clock.wall());
      Chunks chunks(world.database, world.job);
      world.database.write([&](Transaction& transaction) {
        slots.know(transaction, windows, now, clock.wall(), 45s);
        for (int call = 0; call < count; ++call) {
          const auto chunk = chunks.due(transaction, now).claim({1});
          REQUIRE(chunk);
          log.begin_call(transaction, *chunk, clock.wall());
          // As the limiter does.
          for (const Duration window : slots.windows()) slots.set(window, {slots.size(window), now + 45s + window});
        }
      });
    };
    run_with({1h, 10s}, 1);
    CHECK(slots.taken(1h, now) == 5);
    run_with({10s}, 3);
    CHECK(slots.taken(1h, now) == 8);
    run_with({}, 1);
    CHECK(slots.taken(1h, now) == 9);
    run_with({1h, 10s}, 0);
    CHECK(slots.taken(1h, now) == 9);
  }
  SUBCASE("forgotten calls among them") {
    world.database.write([&](Transaction& transaction) { slots.take_forgotten(transaction, 3, now - 30min, now); });
    CHECK(slots.taken(1h, now) == 7);
    know({2h, 10s}, now, clock.wall());
    CHECK(slots.taken(2h, now) == 5 + 3);
    CHECK(slots.taken(10s, now) == 1);
  }
  SUBCASE("one that nobody is held back by any more is forgotten, and known again to whoever lives by it") {
    const LedgerTime later = now + 61min;
    world.database.write([&](Transaction& transaction) { slots.tidy(transaction, {2h}, later); });
    CHECK(slots.size(1h) == 0);
    know({2h}, later, clock.wall() + 61min);
    CHECK(slots.windows() == std::vector<Duration>{2h});
    know({1h}, later, clock.wall() + 61min);
    CHECK(slots.windows().size() == 2);
  }
}

TEST_CASE("the ledger's slots and those in memory say the same") {
  LedgerWorld world;
  LedgerSlots ledger(world.database);
  MemorySlots memory;
  std::mt19937_64 random(3);
  world.database.write([&](Transaction& transaction) {
    for (int step = 0; step < 2000; ++step) {
      const Duration window = step % 2 == 0 ? Duration(1s) : Duration(1h);
      const int size = memory.size(window);
      REQUIRE(ledger.size(window) == size);
      const Slot slot{std::uniform_int_distribution<int>(0, std::min(size, 30))(random),
                      at(Duration(static_cast<Duration::rep>(random() % 1'000'000)))};
      ledger.set(window, slot);
      memory.set(window, slot);
      const int rank = std::uniform_int_distribution<int>(0, memory.size(window) - 1)(random);
      REQUIRE(ledger.earliest(window, rank).free_at == memory.earliest(window, rank).free_at);
      REQUIRE(ledger.taken(window, at(500ms)) == memory.taken(window, at(500ms)));
    }
    const Pace pace{at(2s), 7, at(3s), at(1s)};
    ledger.know(transaction, {1s, 1h}, at(0s), WallTime{}, 0s);
    ledger.set_next_at(1s, at(4s));
    ledger.set_pace(pace);
    CHECK(ledger.pace().unknown_until == at(1s));
    CHECK(ledger.next_at(1s) == at(4s));
    CHECK(ledger.next_at(1h) == LedgerTime{});
    CHECK(ledger.pace().paused_until == at(2s));
    CHECK(ledger.pace().allowed == 7);
    CHECK(ledger.pace().allowed_until == at(3s));
    LimitSettings limits = settings_of({{1, 1s}, {1, 1h}});
    MemorySlots copy = copy_slots(ledger, limits);
    CHECK(copy.windows() == std::vector<Duration>{1s, 1h});
    CHECK(copy.next_at(1s) == at(4s));
    for (const Duration window : {Duration(1s), Duration(1h)}) {
      REQUIRE(copy.size(window) == memory.size(window));
      for (int rank = 0; rank < copy.size(window); ++rank)
        CHECK(copy.earliest(window, rank).free_at == memory.earliest(window, rank).free_at);
    }
  });
}
