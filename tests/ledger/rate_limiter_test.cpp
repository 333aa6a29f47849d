// The rule of invariants.md, 5, held against servers that count.
#include "run/rate_limiter.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <queue>
#include <random>

#include "ledger/slots.h"
#include "ledger_world.h"
#include "run/forecast.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

LedgerTime at(Duration time) {
  return LedgerTime(1000h + time);
}

// What a server that counts has to say of the arrivals it saw (ascending): empty, or by which way of counting there was
// one too many.
std::string verdict_of_server(const std::vector<LedgerTime>& arrivals, const Limit& limit, std::mt19937_64& random) {
  const auto most = static_cast<std::size_t>(limit.calls);
  for (std::size_t i = most; i < arrivals.size(); ++i) {
    if (arrivals[i] - arrivals[i - most] < limit.window) return "sliding window";
  }
  for (int phase = 0; phase < 3; ++phase) {
    const Duration shift(std::uniform_int_distribution<Duration::rep>(0, limit.window.count() - 1)(random));
    std::int64_t current = -1;
    std::size_t counted = 0;
    for (const LedgerTime arrival : arrivals) {
      const std::int64_t window = (arrival.time_since_epoch() + shift) / limit.window;
      counted = window == current ? counted + 1 : 1;
      current = window;
      if (counted > most) return "fixed window";
    }
  }
  // A bucket of N tokens that gains N in W; in 1/W of a token, so that nothing is rounded.
  const Duration::rep full = limit.calls * limit.window.count();
  Duration::rep tokens = full;
  LedgerTime last = arrivals.empty() ? LedgerTime{} : arrivals.front();
  for (const LedgerTime arrival : arrivals) {
    const Duration::rep since = std::min((arrival - last).count(), limit.window.count());
    tokens = std::min(full, tokens + since * limit.calls);
    last = arrival;
    tokens -= limit.window.count();
    if (tokens < 0) return "token bucket";
  }
  return {};
}

// A limiter that breaks the rule in one way; the checker has to notice.
enum class Mutant {
  none,
  free_at_sent,         // a slot is free one window after its call was sent
  lost_is_over,         // a call without an answer is over when it was sent
  forgets_on_restart,   // a restart starts with no slot taken
  gives_back_the_sent,  // a slot is given back though its call went out
  one_too_many          // N + 1 slots
};

struct Traffic {
  std::vector<Limit> limits;
  int clients = 1;
  int calls = 300;
  Duration longest_latency{};
  double lost = 0;     // share of calls that never get an answer
  double restart = 0;  // chance of a client's end before one of its calls
  double idle = 0;     // chance of a rest before a call
};

Traffic random_traffic(std::mt19937_64& random) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  Traffic traffic;
  const int limits = pick(1, 3);
  for (int i = 0; i < limits; ++i) {
    Limit limit;
    limit.calls = pick(1, 12) * (i + 1);
    limit.window = Duration(pick(1, 1000) * 1000) * (i * i * 4 + 1);
    const bool taken = std::any_of(traffic.limits.begin(), traffic.limits.end(),
                                   [&](const Limit& other) { return other.window == limit.window; });
    if (!taken) traffic.limits.push_back(limit);
  }
  std::shuffle(traffic.limits.begin(), traffic.limits.end(), random);
  traffic.clients = pick(1, 4);
  traffic.longest_latency = Duration(pick(1, 3000)) * (pick(0, 1) == 0 ? 10 : 1000);
  traffic.lost = pick(0, 2) * 0.1;
  traffic.restart = pick(0, 2) * 0.02;
  traffic.idle = pick(0, 2) * 0.05;
  return traffic;
}

// Slots in memory: "processes" share one book, and a restart is a new limiter over it.
class MemoryHome {
 public:
  explicit MemoryHome(const LimitSettings& settings) : settings_(settings) {}
  void do_as(int client, const std::function<void(RateLimiter&)>& act) {
    auto& limiter = limiters_[client];
    if (!limiter) limiter = std::make_unique<RateLimiter>(settings_, book_);
    act(*limiter);
  }
  void restart(int client) { limiters_.erase(client); }
  void forget() {
    limiters_.clear();
    book_ = MemorySlots();
  }

 private:
  LimitSettings settings_;
  MemorySlots book_;
  std::map<int, std::unique_ptr<RateLimiter>> limiters_;
};

// Slots in a ledger: each client has a connection of its own, and every act is a transaction.
class LedgerHome {
 public:
  explicit LedgerHome(const LimitSettings& settings) : settings_(settings) {}
  void do_as(int client, const std::function<void(RateLimiter&)>& act) {
    auto& process = processes_[client];
    if (!process) process = std::make_unique<Process>(folder_.file("ledger.db"), settings_);
    process->database.write([&](Transaction& transaction) {
      process->slots.know(transaction, process->limiter.windows(), {}, {}, {});
      act(process->limiter);
    });
  }
  void restart(int client) { processes_.erase(client); }
  void forget() {}

 private:
  struct Process {
    Process(const std::string& path, const LimitSettings& settings)
        : database(Database::open(path, Durability::process)), slots(database), limiter(settings, slots) {}
    Database database;
    LedgerSlots slots;
    RateLimiter limiter;
  };
  LimitSettings settings_;
  TempFolder folder_;
  std::map<int, std::unique_ptr<Process>> processes_;
};

// Plays the traffic and returns what the server says; empty: never one too many.
template <class Home>
std::string play(const Traffic& traffic, std::mt19937_64& random, Mutant mutant = Mutant::none) {
  LimitSettings settings;
  settings.calls = traffic.limits;
  if (mutant == Mutant::one_too_many)
    for (Limit& limit : settings.calls) ++limit.calls;
  Home home(settings);
  const auto chance = [&] { return std::uniform_real_distribution<double>(0, 1)(random); };
  const auto up_to = [&](Duration most) {
    return Duration(std::uniform_int_distribution<Duration::rep>(0, most.count())(random));
  };
  const Duration commit_time = traffic.longest_latency / 10;  // from taking a slot to sending
  const Duration unanswered = traffic.longest_latency + commit_time;

  struct Event {
    LedgerTime when;
    int order;
    int client;
    TakenSlots slots;  // empty: the client asks for leave; else: an answer is written down
    LedgerTime read_at{};
    LedgerTime latest{};
    int life = 0;
    bool operator<(const Event& other) const { return std::tie(other.when, other.order) < std::tie(when, order); }
  };
  std::priority_queue<Event> events;
  std::vector<int> life(static_cast<std::size_t>(traffic.clients), 0);
  int order = 0;
  for (int client = 0; client < traffic.clients; ++client)
    events.push({at(up_to(10ms)), order++, client, {}, {}, {}, 0});
  std::vector<LedgerTime> arrivals;
  while (!events.empty()) {
    const Event event = events.top();
    events.pop();
    int& its_life = life[static_cast<std::size_t>(event.client)];
    if (!event.slots.empty()) {
      if (event.life != its_life) continue;  // its process is no more: nobody writes this answer down
      home.do_as(event.client,
                 [&](RateLimiter& limiter) { limiter.answered(event.slots, event.latest, event.read_at, event.when); });
      continue;
    }
    if (static_cast<int>(arrivals.size()) >= traffic.calls) continue;
    if (chance() < traffic.restart) {
      ++its_life;
      home.restart(event.client);
      if (mutant == Mutant::forgets_on_restart) {
        home.forget();
        for (int& other : life) ++other;
      }
    }
    const LedgerTime now = event.when;
    Admission admission;
    home.do_as(event.client, [&](RateLimiter& limiter) {
      admission = limiter.take(now, mutant == Mutant::lost_is_over ? now : now + unanswered);
    });
    if (!admission.slots) {
      REQUIRE(admission.until > now);
      events.push({admission.until + up_to(2ms), order++, event.client, {}, {}, {}, 0});
      continue;
    }
    REQUIRE(admission.slots->size() == traffic.limits.size());
    const LedgerTime sent = now + up_to(commit_time);
    const Duration latency = chance() < 0.2 ? traffic.longest_latency : up_to(traffic.longest_latency);
    const bool is_lost = chance() < traffic.lost;
    const LedgerTime read = sent + latency;
    // The server counts at any moment between; the ends are where it hurts.
    const double where = chance();
    const LedgerTime latest = is_lost ? now + unanswered : read;
    arrivals.push_back(where < 0.3 ? sent : where > 0.7 ? latest : sent + up_to(latest - sent));
    if (mutant == Mutant::gives_back_the_sent && is_lost) {
      home.do_as(event.client,
                 [&](RateLimiter& limiter) { limiter.give_back(*admission.slots, now + unanswered, now); });
    } else if (!is_lost) {
      // Answers are written down some time after they were read, and not in the order in which they were asked for.
      events.push({read + up_to(traffic.longest_latency / 2), order++, event.client, *admission.slots,
                   mutant == Mutant::free_at_sent ? now : read, now + unanswered, its_life});
    }
    const Duration rest = chance() < traffic.idle ? up_to(traffic.limits.front().window * 3) : up_to(200us);
    events.push({now + rest, order++, event.client, {}, {}, {}, 0});
  }
  std::sort(arrivals.begin(), arrivals.end());
  for (const Limit& limit : traffic.limits) {
    const std::string too_many = verdict_of_server(arrivals, limit, random);
    if (!too_many.empty()) return format_limit(limit) + " by " + too_many;
  }
  return {};
}

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

LimitSettings settings_of(std::vector<Limit> limits, int reserve = 0) {
  LimitSettings settings;
  settings.calls = std::move(limits);
  settings.reserve = reserve;
  return settings;
}

// Takes a slot at the earliest moment from `now` on, and says when that was.
LedgerTime next_call(RateLimiter& limiter, LedgerTime now, Duration latency = 0s) {
  while (true) {
    const Admission admission = limiter.take(now, now + 30s);
    if (admission.slots) {
      limiter.answered(*admission.slots, now + 30s, now + latency, now + latency);
      return now;
    }
    now = admission.until;
  }
}

}  // namespace

TEST_CASE("no server ever counts one too many: random traffic, restarts, lost answers") {
  constexpr std::uint64_t seeds = 5000;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    std::mt19937_64 random(seed);
    const Traffic traffic = random_traffic(random);
    const std::string too_many = play<MemoryHome>(traffic, random);
    CAPTURE(seed);
    REQUIRE(too_many == "");
  }
}

TEST_CASE("nor by several processes whose slots are in one ledger") {
  constexpr std::uint64_t seeds = 40;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    std::mt19937_64 random(seed * 1'000'003);
    Traffic traffic = random_traffic(random);
    traffic.calls = 150;
    const std::string too_many = play<LedgerHome>(traffic, random);
    CAPTURE(seed);
    REQUIRE(too_many == "");
  }
}

TEST_CASE("a limiter without one part of the rule would be noticed") {
  struct Row {
    Mutant mutant;
    std::string name;
    int at_least;  // of 100 seeds
  };
  for (const Row& row : {Row{Mutant::free_at_sent, "free one window after it was sent", 50},
                         Row{Mutant::lost_is_over, "a lost call counts as never counted", 20},
                         Row{Mutant::forgets_on_restart, "a restart forgets", 30},
                         Row{Mutant::gives_back_the_sent, "what was sent is given back", 30},
                         Row{Mutant::one_too_many, "N + 1 slots", 70}}) {
    int noticed = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      std::mt19937_64 random(seed);
      Traffic traffic = random_traffic(random);
      if (row.mutant == Mutant::forgets_on_restart) traffic.restart = 0.05;
      if (row.mutant == Mutant::lost_is_over || row.mutant == Mutant::gives_back_the_sent) traffic.lost = 0.3;
      if (!play<MemoryHome>(traffic, random, row.mutant).empty()) ++noticed;
    }
    CAPTURE(row.name);
    CHECK(noticed >= row.at_least);
  }
}

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
      chunks.accept_course(transaction, 1);
      for (const auto ago : {90min, 50min, 30min, 20min, 0min}) {
        const auto chunk = chunks.due(transaction, now).claim(1);
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
          const auto chunk = chunks.due(transaction, now).claim(1);
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
