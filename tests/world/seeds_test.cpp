// Thousands of worlds, each from one seed: latencies, every kind of fault, crashes at any step and in any commit,
// restarts, changed and cut-off lists, refused courses, login pages, canaries, deadlines, signals, servers that stand
// still, ledgers put back from a backup, several processes on one ledger, with limits of their own. Every run ends, and
// after each one the invariants (invariants.md), and what its exit code says, are held against the server's own record.
//
//   CONVOKE_SEEDS=1000000 convoke_world -tc='*seeds*'     runs so many, from CONVOKE_FIRST_SEED (default 1)
//   CONVOKE_FIRST_SEED=4711 CONVOKE_SEEDS=1 …             replays one
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>

#include "base/address.h"
#include "checks.h"
#include "world.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

std::uint64_t environment_number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// What every world counts, printed at the end: a simulation in which nothing happens proves nothing.
struct Totals {
  std::int64_t worlds = 0, runs = 0, crashes = 0, requests = 0, members = 0, asked_again = 0, changed_sources = 0,
               cut_lists = 0, own_limits = 0, restored = 0;
  std::map<std::string, std::int64_t> faults, outcomes, ends, kinds;
};

SandboxSettings server_of(std::mt19937_64& random) {
  const auto number = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  SandboxSettings server;
  server.latency_high = std::chrono::milliseconds(number(0, 300));
  const double share = number(0, 3) == 0 ? 0.0 : number(1, 60) / 1000.0;
  for (const FaultKind kind : {FaultKind::reset, FaultKind::reset_after, FaultKind::stall, FaultKind::truncate,
                               FaultKind::garbage, FaultKind::lost}) {
    if (number(0, 1) == 0) server.faults.push_back({kind, 0, share});
  }
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    if (number(0, 2) == 0) server.faults.push_back({FaultKind::status, status, share / 2});
  }
  // What stops a run: seldom, or none would get far.
  for (const int status : {302, 401, 402, 407}) {
    if (number(0, 9) == 0) server.faults.push_back({FaultKind::status, status, share / 8});
  }
  if (number(0, 3) == 0) server.faults.push_back({FaultKind::login, 0, share / 4});
  if (number(0, 6) == 0) {  // a deploy, an outage
    const int first = number(1, 60);
    for (int request = first, last = first + number(8, 60); request < last; ++request)
      server.script[static_cast<std::uint64_t>(request)] = {FaultKind::status, 503, 1.0};
  }
  server.already = number(0, 1) == 0 ? 200 : 204;
  if (number(0, 1) == 0) server.poison = {"00", "7"};
  server.quote_poison = number(0, 1) == 0;
  server.calls_known_failed = number(0, 1) == 0;
  if (number(0, 1) == 0) server.ignore = {"11"};
  if (number(0, 1) == 0) server.invited = {"2"};
  if (number(0, 2) == 0) server.max_ids = static_cast<std::size_t>(number(1, 40));
  server.spot_members.share_of_addresses_known = number(0, 4) / 4.0;
  if (number(0, 1) == 0) server.spot_members.refused_addresses = 0.3;
  if (number(0, 2) == 0) server.page_limit = static_cast<std::size_t>(number(1, 20));
  if (number(0, 2) == 0) server.largest_lookup = static_cast<std::size_t>(number(1, 40));
  if (number(0, 3) == 0) server.longest_target = static_cast<std::size_t>(number(200, 2000));
  server.first_page = static_cast<std::size_t>(number(0, 1));
  server.refuse_large_pages = number(0, 1) == 0;
  if (number(0, 1) == 0) {  // and a list of them, for who is to mail
    for (int job = 0; job < 3; ++job) {
      server.courses.push_back(fmt::format("course {}", job));
      for (int more = 1; more <= 3; ++more) server.courses.push_back(fmt::format("course {}.{}", job, more));
    }
  }
  if (number(0, 3) > 0) server.limits = {{number(5, 40), 10s}, {number(20, 2000), 24h}};
  return server;
}

// Between two runs, a list may gain rows, lose rows, and have its order changed.
void change(World& world, WorldJob& job) {
  for (auto& id : world.ids(static_cast<int>(world.number(0, 20)))) job.rows.push_back(std::move(id));
  if (job.rows.front().find('@') != std::string::npos) {
    for (auto& address : world.addresses(static_cast<int>(world.number(0, 20)))) job.rows.push_back(std::move(address));
  }
  if (world.chance(0.5))
    job.rows.erase(job.rows.begin(),
                   job.rows.begin() + world.number(0, static_cast<std::int64_t>(job.rows.size()) / 3));
  if (world.chance(0.5)) std::shuffle(job.rows.begin(), job.rows.end(), world.random());
}

// What a channel calls failed may be in all the same, by a call without an answer or before the first one: it may call
// those so who are in.
bool may_be_in_all_the_same(const WorldJob& job) {
  return job.kind == TargetKind::channel;
}

// Each address of the list leads to its member, whom the ledger has; where there is none, it says so, by the line.
void check_addresses(World& world, const WorldJob& job, bool creates, int runs, Totals& totals) {
  const auto outcomes = world.outcomes(job.name);
  for (const std::string& row : job.rows) {
    const auto address = folded_address(row);
    const auto member = address ? world.sandbox.spot_members().member_of(*address) : std::nullopt;
    if (!member) continue;
    CAPTURE(row);
    REQUIRE(outcomes.contains(member->text()));
    if (world.sandbox.spot_members().was_made(*address)) ++totals.kinds["address made"];
  }
  std::set<std::string> told;
  for (const auto& [line_in_ledger, address_in_ledger] : world.addresses_of(job.name)) {
    if (!address_in_ledger.in_list) continue;
    const std::int64_t line = line_in_ledger;
    CAPTURE(line);
    const std::string& row = job.rows.at(static_cast<std::size_t>(line - 2));
    REQUIRE(told.insert(folded_address(row).value()).second);
    const bool is_still_due =
        runs > 100 && (address_in_ledger.outcome == "pending" || address_in_ledger.outcome == "failed");
    if (!is_still_due) REQUIRE(address_in_ledger.outcome == (creates ? "rejected" : "unknown"));
    ++totals.kinds["address " + address_in_ledger.outcome];
  }
  REQUIRE(told == unknown_addresses_of(world, job));
}

// Some of those who take part do otherwise by now, and some do not any more.
void change_participants(World& world, const WorldJob& job) {
  for (const auto what : {ParticipantChange::started, ParticipantChange::completed, ParticipantChange::unenrolled,
                          ParticipantChange::removed}) {
    const std::string prefix(1, "0123456789abcdef"[world.number(0, 15)]);
    if (world.chance(0.5)) world.sandbox.change_participants(job.course, prefix, what, world.clock.wall());
  }
}

// A verification finds exactly who is there and who is not, and how, whatever happens to it on the way.
void verify(World& world, WorldJob job, JobRunSettings settings, Totals& totals) {
  world.refused_courses.clear();
  job.verifies = true;
  settings.send.max_members.reset();
  settings.send.max_duration.reset();
  const auto crashes = std::tuple(world.crash_per_step, world.crash_per_commit, world.stop_per_run);
  for (int runs = 1;; ++runs) {
    REQUIRE_MESSAGE(runs < 200, "the verification is never done");
    if (runs > 6) world.crash_per_step = world.crash_per_commit = world.stop_per_run = 0;
    const World::Ended ended = world.run(job, settings);
    if (runs > 1) ++totals.kinds["verification gone on with"];
    if (ended.exit == Exit::ok || ended.exit == Exit::incomplete) break;
    while (world.clock.advance()) continue;
    // (What was read is begun anew after a day and a half: with a small day, long pauses might never see its end.)
    const bool may_be_long = runs < 50;
    if (may_be_long && world.chance(0.3)) world.clock.reboot(std::chrono::seconds(world.number(0, 200'000)));
    world.clock.at(world.clock.now() + std::chrono::hours(world.number(0, may_be_long ? 30 : 24)), [] {});
    while (world.clock.advance()) continue;
  }
  std::tie(world.crash_per_step, world.crash_per_commit, world.stop_per_run) = crashes;
  check_verified(world, job);
  for (const auto& [key, is] : world.told) ++totals.kinds[fmt::format("seen {}", static_cast<int>(is))];
}

void play(std::uint64_t seed, Totals& totals) {
  std::mt19937_64 random(seed);
  const SandboxSettings server = server_of(random);
  World world(seed, server);
  const auto share = [&] { return world.chance(0.5) ? 0.0 : static_cast<double>(world.number(1, 50)) / 1000; };
  world.network = {
      std::chrono::milliseconds(world.number(1, 500)), share(), share(), share(), share(), share() / 2, share() / 10};
  world.crash_per_step = world.chance(0.5) ? 0.0 : 0.002;
  world.crash_per_commit = world.chance(0.5) ? 0.0 : 0.02;

  std::vector<WorldJob> jobs;
  const int processes = static_cast<int>(world.number(1, 3));
  for (int i = 0; i < processes; ++i) {
    WorldJob job;
    job.name = fmt::format("list {}", i);
    job.kind = static_cast<TargetKind>(world.number(0, 2));
    job.course = fmt::format("course {}", i);
    if (world.chance(0.3)) {
      for (int more = 1; more <= 3; ++more) job.more_courses.push_back(fmt::format("course {}.{}", i, more));
      if (world.chance(0.5)) world.refused_courses.insert(job.more_courses.front());
    }
    if (world.chance(0.1)) world.refused_courses.insert(job.course);
    job.rows = world.ids(static_cast<int>(world.number(1, 150)));
    if (world.chance(0.4)) {
      if (world.chance(0.5)) job.rows.clear();
      job.more_courses.clear();  // the record would have to be asked by the address
      auto addresses = world.addresses(static_cast<int>(world.number(1, 150)));
      job.rows.insert(job.rows.begin(), addresses.begin(), addresses.end());
      // Somebody's id beside his address.
      if (const auto member = world.sandbox.spot_members().member_of(*folded_address(addresses.back())))
        job.rows.push_back(member->text());
    }
    if (world.chance(0.5)) job.rows.push_back("not an id");
    job.rows.push_back(job.rows.front());
    jobs.push_back(std::move(job));
  }
  if (processes == 3) jobs.push_back(jobs.front());  // and one that must find its job taken

  JobRunSettings settings;
  settings.send.invite.chunk_size = static_cast<int>(world.number(1, 40));
  settings.send.invite.on_doubt = world.chance(0.3) ? OnDoubt::ask_quietly : OnDoubt::ask_again;
  settings.send.invite.create_missing = world.chance(0.5);
  if (world.chance(0.5)) settings.send.invite.email_notification = world.chance(0.5);
  settings.send.calls.connections = static_cast<int>(world.number(1, 8));
  settings.send.calls.timeout = std::chrono::seconds(world.number(1, 20));
  settings.send.retry.attempts = static_cast<int>(world.number(2, 6));
  settings.send.limits.calls = server.limits;
  settings.brakes.rules.ignore_invalid = world.chance(0.5);
  settings.brakes.accept_shrunk = true;
  if (world.chance(0.3)) world.retry_after = std::chrono::seconds(world.number(0, 400));
  world.stop_per_run = world.chance(0.3) ? 0.3 : 0.0;
  // A day's quota, a pause or patience may take long; a deadline is often shorter than all of them.
  const auto draw_brakes = [&](bool any) {
    settings.send.max_members.reset();
    settings.send.max_duration.reset();
    if (any && world.chance(0.3)) settings.send.max_members = world.number(1, 60);
    if (any && world.chance(0.3)) settings.send.max_duration = Duration(world.number(1, 60'000'000));
  };

  // Beside the server's limits a process may have one that the others know nothing of, another each time.
  world.keeps_arrivals = !server.limits.empty() && world.chance(0.4);
  const auto draw_limits = [&] {
    for (WorldJob& job : jobs) {
      if (!world.keeps_arrivals) continue;
      job.limits = settings.send.limits;
      if (world.chance(0.3)) continue;
      job.limits->calls.push_back({static_cast<int>(world.number(1, 20)), std::chrono::seconds(world.number(1, 60))});
      if (job.limits->calls.back().window == 10s) job.limits->calls.pop_back();
    }
  };

  int runs = 0;
  const auto all_settled = [&] {
    for (const WorldJob& job : jobs) {
      const auto outcomes = world.outcomes(job.name);
      const std::set<std::string> in_list = members_of(world, job);
      // A run that was stopped early may not have read the list as it is now.
      for (const std::string& member : in_list) {
        if (!outcomes.contains(member)) return false;
      }
      // (Whom nobody has is looked up again by each run: with a small day, some are due for ever.)
      const std::set<std::string> nobody = runs > 100 ? unknown_addresses_of(world, job) : std::set<std::string>();
      std::set<std::string> told;
      for (const auto& [line, address] : world.addresses_of(job.name)) {
        const auto row = static_cast<std::size_t>(line - 2);
        const auto folded = row < job.rows.size() ? folded_address(job.rows[row]) : std::nullopt;
        if (address.in_list && !folded) return false;  // of the list as it was
        if (folded && address.in_list) told.insert(*folded);
        if (!address.in_list || (folded && nobody.contains(*folded))) continue;
        if (address.outcome == "pending" || address.outcome == "failed") return false;
      }
      if (told != unknown_addresses_of(world, job)) return false;
      for (const auto& [member, outcome] : outcomes) {
        // Who was asked, never answered for, and is gone from the list since, stays as he is.
        if (outcome == "pending") return false;
        if (outcome == "in_doubt" && may_be_in_all_the_same(job)) continue;
        if ((outcome == "failed" || outcome == "in_doubt") && in_list.contains(member)) return false;
      }
    }
    return true;
  };
  Settled settled;
  const bool is_ever_restored = world.chance(0.15);
  bool is_backed_up = false;
  do {
    REQUIRE_MESSAGE(++runs < 400, "the list is never done");
    draw_brakes(runs < 6);
    draw_limits();
    if (runs > 2) world.refused_courses.clear();
    const std::size_t asked_before = world.sent.size();
    const auto ended = world.run(jobs, settings);
    // A canary asks for no more than it may settle, whatever becomes of them. (A refused course costs a call of it.)
    if (settings.send.max_members && world.refused_courses.empty()) {
      REQUIRE(static_cast<std::int64_t>(world.sent.size() - asked_before) <=
              *settings.send.max_members * static_cast<std::int64_t>(jobs.size()));
    }
    check_invariants(world, jobs);
    check_nobody_asked_again(world, settled);
    for (std::size_t i = 0; i < ended.size(); ++i) {
      if (!ended[i].exit) continue;
      ++totals.ends[fmt::format("{} {}", static_cast<int>(*ended[i].exit), name_of(ended[i].end.by))];
      // Where two have the same job, the busy one's list is the other's.
      if (!ended[i].was_busy) check_exit(world, jobs[i], ended[i], settings.brakes.rules.ignore_invalid);
    }
    if (runs <= 5 && world.chance(0.3)) {
      if (check_cut_list(world, jobs.front(), settings)) ++totals.cut_lists;
    }
    if (processes == 3) REQUIRE((ended.back().was_busy || !ended.front().exit));
    if (runs <= 3 && world.chance(0.3)) {
      change(world, jobs.front());
      if (processes == 3) jobs.back() = jobs.front();
      ++totals.changed_sources;
    }
    if (runs > 12) world.crash_per_step = world.crash_per_commit = 0;  // else a long list might never get to its end
    if (jobs.front().kind == TargetKind::course && runs <= 12 && world.chance(0.1)) {
      while (world.clock.advance()) continue;
      verify(world, jobs.front(), settings, totals);
      check_invariants(world, jobs);
      check_nobody_asked_again(world, settled);
    }
    settled = settled_members(world, jobs);
    if (runs <= 6 && is_backed_up && world.chance(0.5)) {
      world.restore();
      ++totals.restored;
      settled.clear();
    } else if (runs <= 4 && is_ever_restored) {
      world.back_up();
      is_backed_up = true;
    }
    settings.retry.clear();
    if (world.chance(0.5)) {
      settings.retry = {Outcome::failed};
      // (Who is in a channel already may stay in doubt for ever, and each time costs a call of a small day.)
      if (runs <= 100) settings.retry.push_back(Outcome::in_doubt);
    }
    // The next run comes at once, or another day, or after a reboot, or with the wall clock set back.
    while (world.clock.advance()) continue;
    if (world.chance(0.3)) world.clock.reboot(std::chrono::seconds(world.number(0, 200'000)));
    if (world.chance(0.3)) world.clock.at(world.clock.now() + std::chrono::hours(world.number(0, 30)), [] {});
    if (world.chance(0.1)) world.clock.step_wall(std::chrono::seconds(-world.number(0, 100'000)));
    while (world.clock.advance()) continue;
  } while (!all_settled() || runs < 2);

  // Whom the server has invited, the ledger shows; whom it cannot have invited, the ledger does not.
  for (const WorldJob& job : jobs) {
    check_addresses(world, job, settings.send.invite.create_missing, runs, totals);
    for (const auto& [id, outcome] : world.outcomes(job.name)) {
      const auto& member = id;
      CAPTURE(member);
      const MemberRecord* record = world.record(job, member);
      const bool invited = record != nullptr && record->invited();
      ++totals.outcomes[outcome];
      ++totals.kinds[fmt::format("{} {}", name_of(job.kind), outcome)];
      if (outcome == "failed" || outcome == "in_doubt") continue;  // and gone from the list
      // (Whom others had invited before the list ever came is not for us to know, if the one call was refused as a
      // whole.)
      REQUIRE_MESSAGE((outcome != "withdrawn" || !invited || !record->by_call || world.is_restored),
                      "withdrawn in the ledger, and the server has invited " << member);
      if (outcome == "withdrawn") continue;
      REQUIRE((outcome == "rejected" || (outcome == "invited" || outcome == "already_invited") == invited));
      // Who was in before the first call, or by one that the ledger has forgotten, is refused by a channel that says
      // so.
      const bool was_in = invited && (!record->by_call || world.is_restored);
      if (!was_in || !may_be_in_all_the_same(job)) REQUIRE((outcome == "rejected") == !invited);
    }
  }
  for (const WorldJob& job : jobs) {
    if (job.kind != TargetKind::course) continue;
    change_participants(world, job);
    verify(world, job, settings, totals);
  }
  REQUIRE(world.sandbox.stats().over_limit == 0);
  check_own_limits(world);
  if (world.keeps_arrivals) ++totals.own_limits;

  ++totals.worlds;
  totals.runs += runs;
  totals.crashes += world.crashes;
  totals.requests += static_cast<std::int64_t>(world.sandbox.stats().requests);
  totals.members += static_cast<std::int64_t>(world.sandbox.stats().members_invited);
  totals.asked_again += static_cast<std::int64_t>(world.sandbox.stats().asked_again);
  for (const auto& [fault, count] : world.sandbox.stats().faults)
    totals.faults[fault] += static_cast<std::int64_t>(count);
}

}  // namespace

TEST_CASE("whatever goes wrong, the books are exact: thousands of seeds") {
  const std::uint64_t first = environment_number("CONVOKE_FIRST_SEED", 1);
  const std::uint64_t count = environment_number("CONVOKE_SEEDS", 250);
  Totals totals;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    INFO("replay with CONVOKE_FIRST_SEED=" << seed << " CONVOKE_SEEDS=1");
    play(seed, totals);
  }
  fmt::print(
      "{} worlds: {} runs, {} crashes, {} changed sources, {} requests, {} members invited, {} asked for again after a "
      "doubt\n",
      totals.worlds, totals.runs, totals.crashes, totals.changed_sources, totals.requests, totals.members,
      totals.asked_again);
  for (const auto& [fault, times] : totals.faults) fmt::print("  fault {}: {}\n", fault, times);
  for (const auto& [outcome, times] : totals.outcomes) fmt::print("  outcome {}: {}\n", outcome, times);
  for (const auto& [kind, times] : totals.kinds) fmt::print("  {}: {}\n", kind, times);
  for (const auto& [end, times] : totals.ends) fmt::print("  exit {}: {}\n", end, times);
  fmt::print("  cut-off lists: {}\n  ledgers put back: {}\n  processes with limits of their own: {} worlds\n",
             totals.cut_lists, totals.restored, totals.own_limits);
  if (count >= 100) {
    CHECK(totals.crashes > 0);
    CHECK(totals.asked_again > 0);
    CHECK(totals.outcomes.size() >= 3);
    for (const char* seen :
         {"course already_invited", "learning_path already_invited", "channel invited", "channel in_doubt",
          "channel rejected", "address unknown", "address rejected", "address made"}) {
      CAPTURE(seen);
      CHECK(totals.kinds[seen] > 0);
    }
    CHECK(totals.cut_lists > 0);
    CHECK(totals.restored > 0);
    CHECK(totals.own_limits > 0);
    for (const char* end : {"0 ", "1 ", "69 api_unavailable", "75 max_duration", "75 max_members", "75 signal",
                            "75 quota", "78 course_refused", "78 misconfigured"}) {
      CAPTURE(end);
      if (count >= 250) CHECK(totals.ends[end] > 0);
    }
  }
}
