// The rule of invariants.md, 5, held against servers that count.
#include "run/rate_limiter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>

#include "ledger/slots.h"
#include "ledger_world.h"
#include "limiter_by_hand.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

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
