// The limiter's rules, each alone: what holds a call back, for how long, and which limit is named for it.
#include <doctest/doctest.h>

#include <algorithm>

#include "limiter_by_hand.h"
#include "run/rate_limiter.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("the longest wait counts, and the limit that asks for it is named") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{2, 1s}, {3, 1h}}), book);
  for (int call = 0; call < 3; ++call) next_call(limiter, at(call * 10s));
  const Admission held = limiter.take(at(30s), at(60s));
  CHECK_FALSE(held.slots);
  CHECK(held.until == at(1h));
  CHECK(held.held_by == Limit{3, 1h});
  CHECK_FALSE(limiter.take(at(1h) - 1us, at(2h)).slots);
  CHECK(limiter.take(at(1h), at(2h)).slots);
}

TEST_CASE("a call that is refused leave takes no slot of any limit") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{1, 1s}, {10, 1h}}), book);
  next_call(limiter, at(0s));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(limiter.take(at(10ms * i), at(30s)).slots);
  const auto uses = limiter.use(at(100ms));
  REQUIRE(uses.size() == 2);
  CHECK(uses[0].taken == 1);
  CHECK(uses[1].taken == 1);
  CHECK(uses[1].left == 9);
}

TEST_CASE("an unanswered call holds its slot until one window after the latest moment it could be counted") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{1, 10s}}), book);
  REQUIRE(limiter.take(at(0s), at(35s)).slots);
  CHECK(limiter.take(at(44s), at(80s)).until == at(45s));
  CHECK(limiter.take(at(45s), at(80s)).slots);
}

TEST_CASE("a slot that was given back is free at once") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{1, 10s}}), book);
  const auto slots = limiter.take(at(0s), at(30s)).slots;
  limiter.give_back(*slots, at(30s), at(8s));
  CHECK(limiter.take(at(8s), at(40s)).slots);
}

TEST_CASE("an answer, or a call put back, long after the slot went to another call leaves that call's hold alone") {
  // The process was stopped (SIGSTOP, a laptop asleep) while others on the ledger went on.
  MemorySlots book;
  RateLimiter sleeper(settings_of({{1, 10s}}), book);
  RateLimiter other(settings_of({{1, 10s}}), book);
  const auto late = sleeper.take(at(0s), at(30s)).slots;
  REQUIRE(late);
  REQUIRE(other.take(at(40s), at(70s)).slots);  // it may be counted until 70 s, so the slot is its own until 80 s
  SUBCASE("answered") {
    sleeper.answered(*late, at(30s), at(41s), at(41s));
  }
  SUBCASE("read in time and written down too late") {
    sleeper.answered(*late, at(30s), at(1s), at(41s));
  }
  SUBCASE("put back") {
    sleeper.give_back(*late, at(30s), at(41s));
  }
  CHECK(other.take(at(79s), at(109s)).until == at(80s));
}

TEST_CASE("after a 429 everybody on the ledger waits the longer of Retry-After and the shortest window") {
  struct Row {
    Duration retry_after, expected;
  };
  for (const Row& row : {Row{0s, 10s}, Row{5s, 10s}, Row{10s, 10s}, Row{60s, 60s}, Row{24h, 24h}}) {
    CAPTURE(row.retry_after.count());
    MemorySlots book;
    RateLimiter one(settings_of({{50'000, 24h}, {100, 10s}}), book);
    RateLimiter other(settings_of({{50'000, 24h}, {100, 10s}}), book);
    CHECK(one.pause(at(0s), row.retry_after) == at(row.expected));
    const Admission held = other.take(at(0s), at(30s));
    CHECK_FALSE(held.slots);
    CHECK(held.until == at(row.expected));
    CHECK_FALSE(held.held_by);
    CHECK(other.take(at(row.expected), at(48h)).slots);
  }
}

TEST_CASE("a shorter pause does not end a longer one") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{100, 10s}}), book);
  limiter.pause(at(0s), 60s);
  CHECK(limiter.pause(at(1s), 0s) == at(60s));
  CHECK(limiter.take(at(20s), at(50s)).until == at(60s));
}

TEST_CASE("without limits every call may go, but a pause holds") {
  MemorySlots book;
  RateLimiter limiter(settings_of({}), book);
  for (int call = 0; call < 1000; ++call) REQUIRE(limiter.take(at(0s), at(30s)).slots);
  CHECK(limiter.pause(at(0s), 3s) == at(3s));
  CHECK(limiter.take(at(2s), at(30s)).until == at(3s));
  CHECK(limiter.take(at(3s), at(30s)).slots);
  CHECK(limiter.shortest_window() == 0s);
  CHECK(limiter.use(at(3s)).empty());
}

TEST_CASE("what the API says is left only lowers what may go") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{100, 10s}}), book);
  limiter.advise(at(0s), 2, 30s);
  REQUIRE(limiter.take(at(0s), at(30s)).slots);
  REQUIRE(limiter.take(at(0s), at(30s)).slots);
  const Admission held = limiter.take(at(0s), at(30s));
  CHECK_FALSE(held.slots);
  CHECK(held.until == at(30s));
  SUBCASE("it does not raise what it lowered") {
    limiter.advise(at(1s), 50, 29s);
    CHECK(limiter.take(at(1s), at(31s)).until == at(30s));
    limiter.advise(at(1s), 50, 5s);
    CHECK(limiter.take(at(7s), at(37s)).until == at(30s));
  }
  SUBCASE("it is over when it said so") {
    CHECK(limiter.take(at(30s), at(60s)).slots);
    limiter.advise(at(31s), 1, 10s);
    CHECK(limiter.take(at(32s), at(60s)).slots);
    CHECK(limiter.take(at(32s), at(60s)).until == at(41s));
  }
  SUBCASE("and never above our own limit") {
    limiter.advise(at(100s), 1'000'000, 1h);
    LedgerTime now = at(100s);
    for (int call = 0; call < 100; ++call) now = next_call(limiter, now);
    const Admission own = limiter.take(now + 1s, now + 31s);
    CHECK(now < at(110s));
    CHECK_FALSE(own.slots);
    CHECK(own.held_by == Limit{100, 10s});
  }
}

TEST_CASE("the reserve is left of the longest limit only") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{5, 1s}, {12, 1h}}, 4), book);
  LedgerTime now = at(0s);
  for (int call = 0; call < 8; ++call) now = next_call(limiter, now);
  CHECK(now < at(3s));
  const Admission held = limiter.take(at(10s), at(40s));
  CHECK_FALSE(held.slots);
  CHECK(held.held_by == Limit{12, 1h});
  CHECK(held.until >= at(1h));
  const auto uses = limiter.use(at(10s));
  CHECK(uses[1].taken == 8);
  CHECK(uses[1].left == 0);
  CHECK(uses[0].left == 5);
}

TEST_CASE("a call takes a slot of every window, and is held back by its own limits alone") {
  MemorySlots book;
  RateLimiter one(settings_of({{20, 10s}}), book);
  RateLimiter other(settings_of({{50, 1s}}), book);
  one.use(at(0s));
  other.use(at(0s));  // both windows are known
  const auto first = other.take(at(0s), at(30s)).slots;
  REQUIRE(first);
  CHECK(first->size() == 2);
  LedgerTime now = at(0s);
  for (int call = 1; call < 50; ++call) now = next_call(other, now);
  CHECK(now < at(1s));  // neither the other's limit nor its pace
  CHECK(one.use(now)[0].taken == 50);
  const Admission held = one.take(now, now + 30s);
  CHECK_FALSE(held.slots);
  CHECK(held.held_by == Limit{20, 10s});
  SUBCASE("an answer frees what was taken, and no more") {
    other.answered(*first, at(30s), at(100ms), at(200ms));
    CHECK(other.use(at(1s + 99ms))[0].taken > other.use(at(1s + 100ms))[0].taken);
    CHECK(one.use(at(10s + 99ms))[0].taken == one.use(at(10s + 100ms))[0].taken + 1);
  }
  SUBCASE("and so does a call that is put back") {
    other.give_back(*first, at(30s), now);
    CHECK(one.use(now)[0].taken == 49);
    CHECK(other.use(now)[0].taken == 49);
  }
  SUBCASE("one without limits is held back by nothing, and counts") {
    RateLimiter unlimited(settings_of({}), book);
    for (int call = 0; call < 100; ++call) REQUIRE(unlimited.take(now, now + 30s).slots);
    CHECK(one.use(now)[0].taken == 150);
  }
}

TEST_CASE("what was counted before a certain time and is not known counts as all that a limit allows") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{100, 10s}, {50'000, 24h}}), book);
  Pace pace;
  pace.unknown_until = at(5s);
  book.set_pace(pace);
  const Admission held = limiter.take(at(20s), at(50s));
  CHECK(held.until == at(24h + 5s));
  CHECK(held.held_by == Limit{50'000, 24h});
  CHECK(limiter.take(at(24h + 5s), at(25h)).slots);
  RateLimiter unlimited(settings_of({}), book);
  CHECK(unlimited.take(at(0s), at(1s)).slots);
}

TEST_CASE("a lost answer is over a minute after it could last be sent and given up, or more if the timeout is long") {
  CHECK(unanswered(1s) == 62s);
  CHECK(unanswered(30s) == 120s);
  CHECK(unanswered(10min) == 30min);
}

TEST_CASE("a lowered limit holds at once, whatever was taken under the higher one") {
  for (const int lowered : {1, 3, 9}) {
    CAPTURE(lowered);
    MemorySlots book;
    std::vector<LedgerTime> sent;
    RateLimiter before(settings_of({{10, 10s}}), book);
    LedgerTime now = at(0s);
    for (int call = 0; call < 25; ++call) sent.push_back(now = next_call(before, now, 50ms));
    const std::size_t lowered_from = sent.size();
    RateLimiter after(settings_of({{lowered, 10s}}), book);
    for (int call = 0; call < 30; ++call) sent.push_back(now = next_call(after, now, 50ms));
    for (std::size_t i = lowered_from; i < sent.size(); ++i) {
      const auto within = std::count_if(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(i),
                                        [&](LedgerTime other) { return other > sent[i] - 10s; });
      CHECK(within < lowered);
    }
  }
}

TEST_CASE("a raised limit is used at once") {
  MemorySlots book;
  RateLimiter before(settings_of({{1, 10s}}), book);
  next_call(before, at(0s));
  RateLimiter after(settings_of({{3, 10s}}), book);
  CHECK(next_call(after, at(8s)) == at(8s));
  CHECK(next_call(after, at(8s)) <= at(10s));
}
