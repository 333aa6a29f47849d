// Calls that are to come, played through the limiter.
#include "run/forecast.h"

#include <doctest/doctest.h>

#include <random>

#include "ledger/slots.h"
#include "ledger_world.h"
#include "limiter_by_hand.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("a forecast plays the limiter: days of calls, and how long they take") {
  LimitSettings limits = settings_of({{100, 10s}, {50'000, 24h}});
  const Forecast two_days = forecast(limits, {}, at(0s), 75'000, 50ms, 8);
  REQUIRE(two_days.by_day.size() == 2);
  CHECK(two_days.by_day[0] == 50'000);
  CHECK(two_days.by_day[1] == 25'000);
  CHECK(two_days.duration > 24h);
  CHECK(two_days.duration < 26h);
  const Forecast none = forecast(limits, {}, at(0s), 0, 50ms, 8);
  CHECK(none.duration == 0s);
  CHECK(none.by_day.empty());
}

TEST_CASE("slots beyond a limit's number, those free first, change nothing that is to come") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&](int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); };
  for (int round = 0; round < 200; ++round) {
    LimitSettings limits = settings_of({{1 + below(5), 10s}, {8 + below(5), 60s}});
    limits.reserve = below(8);
    MemorySlots all;
    for (const Limit& limit : limits.calls) {
      for (int number = 0, size = below(40); number < size; ++number)
        all.set(limit.window, {number, at(1s * below(60))});
    }
    MemorySlots fewer = all;
    RateLimiter limiter(limits, all);
    RateLimiter limiter_of_fewer(limits, fewer);
    for (std::size_t i = 0; i < limits.calls.size(); ++i) fewer.keep_latest(limits.calls[i].window, limiter.usable(i));
    LedgerTime now = at(0s);
    for (int call = 0; call < 60; ++call) {
      const Admission one = limiter.take(now, now + 1s);
      const Admission other = limiter_of_fewer.take(now, now + 1s);
      REQUIRE(one.slots.has_value() == other.slots.has_value());
      REQUIRE(one.until == other.until);
      now = one.slots ? now + 1ms * below(3000) : one.until;
    }
  }
}

TEST_CASE("a day that is used up, and more by another's limit, is looked at in no time") {
  LedgerWorld world;
  LedgerSlots ledger(world.database);
  LimitSettings limits = settings_of({{60'000, 24h}});
  world.database.write([&] {
    for (int number = 0; number < 100'000; ++number) ledger.set(24h, {number, at(24h) + 1ms * number});
  });
  const auto began = std::chrono::steady_clock::now();
  MemorySlots slots;
  world.database.read([&] { slots = copy_slots(ledger, limits); });
  CHECK(slots.size(24h) == 100'000);
  const Forecast ahead = forecast(limits, slots, at(0s), 60'000, 50ms, 8);
  CHECK(ahead.by_day.size() == 2);
  // A look at the slots before each slot takes a minute and more; one look at each, a tenth of a second.
  CHECK(std::chrono::steady_clock::now() - began < 20s);
}
