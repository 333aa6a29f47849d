// How much of what the limits allow is used, and how evenly.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

#include "limiter_by_hand.h"
#include "run/rate_limiter.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

// Endless demand over as many connections as it takes: how many calls were sent up to each time asked for.
struct Demand {
  Limit limit;
  Duration shortest_latency{};
  Duration longest_latency{};
  std::vector<LedgerTime> sent = {};

  void run(Duration duration, std::uint64_t seed) {
    LimitSettings settings;
    settings.calls = {limit};
    MemorySlots book;
    RateLimiter limiter(settings, book);
    std::mt19937_64 random(seed);
    std::multimap<LedgerTime, TakenSlots> answers;
    LedgerTime now = at(0s);
    while (now < at(duration)) {
      while (!answers.empty() && answers.begin()->first <= now) {
        const auto& [when, slots] = *answers.begin();
        limiter.answered(slots, when, when, when);
        answers.erase(answers.begin());
      }
      Admission admission = limiter.take(now, now + 30s);
      if (!admission.slots) {
        // As the runner does: wakes for an answer or when the limiter says.
        now = answers.empty() ? admission.until : std::min(admission.until, answers.begin()->first);
        continue;
      }
      const Duration latency(
          std::uniform_int_distribution<Duration::rep>(shortest_latency.count(), longest_latency.count())(random));
      answers.emplace(now + latency, *admission.slots);
      sent.push_back(now);
    }
  }

  double sent_between(Duration begin, Duration end) const {
    return static_cast<double>(std::lower_bound(sent.begin(), sent.end(), at(end)) -
                               std::lower_bound(sent.begin(), sent.end(), at(begin)));
  }
  double bound(Duration duration) const {
    const Duration round = limit.window + (shortest_latency + longest_latency) / 2;
    return limit.calls * static_cast<double>(duration.count()) / static_cast<double>(round.count());
  }
};

}  // namespace

TEST_CASE("with endless demand, what the rule allows is used within 1 %, and within 3 % from the first call on") {
  struct Row {
    Limit limit;
    Duration shortest, longest;
  };
  for (const Row& row :
       {Row{{100, 10s}, 50ms, 50ms}, Row{{100, 10s}, 20ms, 80ms}, Row{{100, 10s}, 0ms, 0ms}, Row{{100, 10s}, 100ms, 4s},
        Row{{20, 1s}, 20ms, 80ms}, Row{{1, 1s}, 50ms, 50ms}, Row{{7, 3s}, 1ms, 900ms}}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      Demand demand{row.limit, row.shortest, row.longest};
      const Duration long_run = row.limit.window * 400;
      demand.run(long_run, seed);
      CAPTURE(format_limit(row.limit));
      CAPTURE(row.longest.count());
      CAPTURE(seed);
      const double steady = demand.sent_between(row.limit.window * 20, long_run) / demand.bound(row.limit.window * 380);
      CHECK(steady >= 0.99);
      CHECK(steady <= 1.01);  // else the bound is not one
      const double with_start = demand.sent_between(0s, row.limit.window * 50) / demand.bound(row.limit.window * 50);
      CHECK(with_start >= 0.97);
    }
  }
}

TEST_CASE("calls from rest are spread, not fired at once") {
  for (const Limit& limit : {Limit{100, 10s}, Limit{20, 1s}, Limit{1000, 10s}, Limit{10, 1s}}) {
    CAPTURE(format_limit(limit));
    Demand demand{limit, 50ms, 50ms};
    demand.run(limit.window * 4, 1);
    CHECK(demand.sent_between(0s, limit.window / 10) <= std::max(limit.calls / 3.0, 4.0));
    CHECK(demand.sent_between(0s, limit.window / 2) <= limit.calls * 0.85);
    // The same after hours of rest.
    MemorySlots book;
    RateLimiter limiter(settings_of({limit}), book);
    LedgerTime now = next_call(limiter, at(0s));
    int burst = 0;
    for (now = at(3h); now < at(3h) + limit.window / 10; ++burst) now = next_call(limiter, now);
    CHECK(burst <= std::max(limit.calls / 3.0 + 1, 4.0));
  }
}

TEST_CASE("pacing spaces calls by three quarters of the window's share, with a tenth of it as slack") {
  MemorySlots book;
  RateLimiter limiter(settings_of({{100, 10s}}), book);
  // 1 s of slack are 13 calls of 75 ms, and the first.
  for (int call = 0; call < 14; ++call) REQUIRE(limiter.take(at(0s), at(30s)).slots);
  const Admission held = limiter.take(at(0s), at(30s));
  CHECK_FALSE(held.slots);
  CHECK(held.until == at(50ms));
  CHECK_FALSE(held.held_by);
}
