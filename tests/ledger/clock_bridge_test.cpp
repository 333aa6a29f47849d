// Ledger time over boots and steps of the wall clock.
#include "ledger/clock_bridge.h"

#include <doctest/doctest.h>

#include <random>

#include "ledger_world.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("ledger time never runs backwards, over boots and steps of the wall clock") {
  const WallTime wall(std::chrono::seconds(1'700'000'000));
  const auto now_of = [](const ClockBridge& bridge, Instant now) {
    return LedgerTime(now.time_since_epoch() + bridge.offset);
  };
  ClockBridge first = bridge_clock(std::nullopt, "a", Instant(100s), wall);
  CHECK(now_of(first, Instant(100s)) == LedgerTime(wall.time_since_epoch()));

  SUBCASE("within a boot the wall clock decides nothing") {
    for (const Duration step : {Duration(-1h), Duration(0s), Duration(24h * 400)}) {
      const ClockBridge again =
          bridge_clock(first, "a", Instant(200s), wall + std::chrono::duration_cast<std::chrono::milliseconds>(step));
      CHECK(again.offset == first.offset);
      CHECK(now_of(again, Instant(200s)) - now_of(first, Instant(100s)) == 100s);
    }
  }
  SUBCASE("a boot adds the wall time that went by since the last note") {
    first.latest = now_of(first, Instant(500s));
    first.wall = wall + 400s;
    const ClockBridge next = bridge_clock(first, "b", Instant(5s), wall + 460s);
    CHECK(now_of(next, Instant(5s)) - first.latest == 60s);
    CHECK(next.boot_id == "b");
  }
  SUBCASE("a boot id that cannot be read never equals another: no old uptime is waited for") {
    ClockBridge unread = bridge_clock(std::nullopt, "", Instant(1000h), wall);
    unread.latest = now_of(unread, Instant(1000h));
    const ClockBridge next = bridge_clock(unread, "", Instant(5s), wall + 60s);
    CHECK(now_of(next, Instant(5s)) == unread.latest + 60s);
  }
  SUBCASE("a wall clock set back meanwhile adds nothing") {
    first.latest = now_of(first, Instant(500s));
    first.wall = wall + 400s;
    const ClockBridge next = bridge_clock(first, "b", Instant(5s), wall - 24h);
    CHECK(now_of(next, Instant(5s)) == first.latest);
  }
  SUBCASE("many boots with any steps") {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      const auto up_to = [&](int seconds) { return std::uniform_int_distribution<int>(0, seconds)(random) * 1s; };
      ClockBridge stored = first;
      LedgerTime latest = stored.latest;
      WallTime clock = wall;
      for (int boot = 0; boot < 20; ++boot) {
        const Instant up(up_to(1000));
        stored = bridge_clock(stored, "boot-" + std::to_string(boot), up, clock);
        REQUIRE(now_of(stored, up) >= latest);
        const auto ran = up_to(1000);
        latest = now_of(stored, up + ran);
        clock += ran;
        if (random() % 4 == 0) clock -= up_to(100'000);  // set back while it ran
        stored.latest = latest;
        stored.wall = clock;
        clock += up_to(1000) - (random() % 4 == 0 ? up_to(100'000) : 0s);
      }
    }
  }
}

TEST_CASE("the bridge is in the ledger: a process of the same boot finds it, one of the next goes on from it") {
  LedgerWorld world;
  StillClock clock;
  CHECK_FALSE(stored_bridge(world.database));
  const ClockBridge first = bridge_clock(world.database, clock);
  clock.now_ += 50s;
  clock.wall_ -= 24h;
  CHECK(bridge_clock(world.database, clock).offset == first.offset);
  const LedgerClock ledger_clock(clock, first.offset);
  const LedgerTime noted = ledger_clock.now();
  world.database.write([&](Transaction& transaction) { note_time(transaction, noted, clock.wall()); });
  clock.boot_ = "boot-2";
  clock.now_ = Instant(3s);
  clock.wall_ += 10s;
  const ClockBridge next = bridge_clock(world.database, clock);
  CHECK(LedgerClock(clock, next.offset).now() == noted + 10s);
  CHECK(stored_bridge(world.database)->boot_id == "boot-2");
  // As in a container without /proc, over a reboot.
  clock.boot_ = "";
  bridge_clock(world.database, clock);
  clock.now_ += 1000h;
  const LedgerTime late = LedgerClock(clock, bridge_clock(world.database, clock).offset).now();
  CHECK(late < noted + 1h);
  clock.now_ = Instant(1s);
  CHECK(LedgerClock(clock, bridge_clock(world.database, clock).offset).now() >= late);
  CHECK(LedgerClock(clock, bridge_clock(world.database, clock).offset).now() < late + 1h);
}
