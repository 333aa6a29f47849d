#include "world.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>

using namespace convoke;
using namespace std::chrono_literals;

namespace {

JobRunSettings settings_of(int chunk_size) {
  JobRunSettings settings;
  settings.runner.invite.chunk_size = chunk_size;
  settings.runner.call_timeout = 10s;
  settings.limits.calls = {};
  settings.runner.limited = false;
  return settings;
}

WorldJob job_of(std::vector<std::string> rows) {
  WorldJob job;
  job.rows = std::move(rows);
  return job;
}

std::map<std::string, int> tally(const std::map<std::string, std::string>& outcomes) {
  std::map<std::string, int> tally;
  for (const auto& [member, outcome] : outcomes) ++tally[outcome];
  return tally;
}

Fault answer_once(int status) {
  return {FaultKind::status, status, 1.0};
}

}  // namespace

TEST_CASE("a list goes out, each member is asked for once, and a second run sends nothing") {
  World world(1, {});
  const WorldJob job = job_of(world.ids(250));
  const auto first = world.run(job, settings_of(100));
  CHECK(first.exit == Exit::ok);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 250}});
  CHECK(world.sandbox.stats().requests == 3);
  CHECK(world.sandbox.stats().members_asked == 250);
  const auto second = world.run(job, settings_of(100));
  CHECK(second.exit == Exit::ok);
  CHECK(world.sandbox.stats().requests == 3);
  check_invariants(world, {job});
}

TEST_CASE("a 429 costs no attempt, and nobody sends for a whole window") {
  SandboxSettings server;
  server.script[2] = answer_once(429);
  World world(7, server);
  auto settings = settings_of(100);
  settings.limits.calls = {{100, 10s}};
  settings.runner.limited = true;
  settings.runner.connections = 1;
  const WorldJob job = job_of(world.ids(250));
  const Instant start = world.clock.now();
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(world.clock.now() - start >= 10s);
  for (const auto& [member, attempts] : world.attempts("list")) REQUIRE(attempts == 1);
  REQUIRE(world.warnings.size() == 1);
  CHECK(world.warnings[0].find("someone else uses the key") != std::string::npos);
  CHECK(world.warnings[0].find("2 of 100/10s") != std::string::npos);
}

TEST_CASE("one bad id among 100 costs at most 14 extra calls, and the other 99 are invited") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    SandboxSettings server;
    server.poison = {"00000000"};
    World world(seed, server);
    auto rows = world.ids(99);
    rows.push_back("00000000-1111-2222-3333-444444444444");
    const WorldJob job = job_of(rows);
    CHECK(world.run(job, settings_of(100)).exit == Exit::incomplete);
    CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 99}, {"rejected", 1}});
    CHECK(world.sandbox.stats().requests <= 15);
  }
}

TEST_CASE(
    "members missing from a 201 are asked again apart; a 200 says already invited, absence alone means rejected") {
  SandboxSettings server;
  server.ignore = {"1"};
  server.invited = {"2"};
  server.started = {"3"};
  server.poison = {"4"};
  World world(3, server);
  const WorldJob job = job_of(world.ids(400));
  CHECK(world.run(job, settings_of(100)).exit == Exit::incomplete);
  const std::map<char, std::string> expected = {
      {'1', "rejected"}, {'2', "already_invited"}, {'3', "already_invited"}, {'4', "rejected"}};
  for (const auto& [member, outcome] : world.outcomes("list")) {
    const auto special = expected.find(member[0]);
    CAPTURE(member);
    CHECK(outcome == (special == expected.end() ? "invited" : special->second));
  }
  check_invariants(world, {job});
}

TEST_CASE("a key that is refused stops the run, and all stays due") {
  for (const int status : {401, 403}) {
    SandboxSettings server;
    server.faults = {answer_once(status)};
    World world(4, server);
    const WorldJob job = job_of(world.ids(1000));
    CHECK(world.run(job, settings_of(100)).exit == Exit::key_refused);
    CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"pending", 1000}});
    CHECK(world.sandbox.stats().requests <= 16);
  }
}

TEST_CASE("a course that is not there rejects its members without asking for each chunk") {
  SandboxSettings server;
  server.courses = {"another"};
  World world(5, server);
  const WorldJob job = job_of(world.ids(5000));
  CHECK(world.run(job, settings_of(100)).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"rejected", 5000}});
  CHECK(world.sandbox.stats().requests <= 16);
}

TEST_CASE("a list refused alike stops early, and its members stay due") {
  SandboxSettings server;
  server.poison = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"};
  World world(6, server);
  const WorldJob job = job_of(world.ids(5000));
  CHECK(world.run(job, settings_of(100)).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"pending", 5000}});
  CHECK(world.sandbox.stats().requests < 200);
}

TEST_CASE("a size that is too large is learned for the rest of the run") {
  SandboxSettings server;
  server.max_ids = 30;
  World world(8, server);
  auto settings = settings_of(100);
  settings.runner.connections = 1;
  const WorldJob job = job_of(world.ids(2000));
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 2000}});
  // 80 calls of 25, and a few until that was learned.
  CHECK(world.sandbox.stats().requests <= 90);
}

TEST_CASE("an API that is down is noticed: the run gives up, and all stays due") {
  SandboxSettings server;
  server.faults = {answer_once(503)};
  World world(9, server);
  const WorldJob job = job_of(world.ids(20'000));
  const Instant start = world.clock.now();
  CHECK(world.run(job, settings_of(100)).exit == Exit::api_unavailable);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"pending", 20'000}});
  CHECK(world.sandbox.stats().requests <= 60);
  CHECK(world.clock.now() - start <= 60s);
}

TEST_CASE("an outage in the middle is probed with one call at a time, and the run goes on after it") {
  SandboxSettings server;
  for (std::uint64_t request = 50; request < 75; ++request) server.script[request] = answer_once(503);
  World world(10, server);
  auto settings = settings_of(10);
  settings.runner.retry.patience = 10min;
  const WorldJob job = job_of(world.ids(2000));
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 2000}});
}

TEST_CASE("a chunk that alone keeps failing ends failed, and retry makes it due again") {
  SandboxSettings server;
  for (std::uint64_t request = 20; request < 23; ++request) server.script[request] = answer_once(500);
  World world(11, server);
  auto settings = settings_of(10);
  settings.runner.connections = 1;
  settings.runner.retry.attempts = 3;
  const WorldJob job = job_of(world.ids(200));
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"failed", 10}, {"invited", 190}});
  settings.retry = {Outcome::failed};
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 200}});
}

TEST_CASE("retries stay under a tenth of the calls once the first hundred are out") {
  SandboxSettings server;
  server.faults = {{FaultKind::status, 500, 0.4}};
  World world(12, server);
  const WorldJob job = job_of(world.ids(3000));
  const auto ended = world.run(job, settings_of(5));
  CHECK(ended.exit == Exit::api_unavailable);
  CHECK(ended.counts.calls > 100);
  CHECK(ended.counts.retries * 10 <= std::max<std::int64_t>(ended.counts.calls, 1000));
}

TEST_CASE("what a lost answer leaves in doubt is held if the operator says so") {
  NetworkSettings network;
  network.lost_answer = 1;
  World world(13, {}, network);
  auto settings = settings_of(100);
  settings.runner.invite.on_doubt = OnDoubt::hold;
  const WorldJob job = job_of(world.ids(300));
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"in_doubt", 300}});
  CHECK(world.sandbox.stats().asked_again == 0);
}

TEST_CASE("max_members settles exactly so many; max_failures stops with most of the list untouched") {
  World world(14, {});
  auto settings = settings_of(100);
  settings.runner.max_members = 250;
  const WorldJob job = job_of(world.ids(1000));
  CHECK(world.run(job, settings).exit == Exit::try_later);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 250}, {"pending", 750}});

  SandboxSettings server;
  server.poison = {"0", "1", "2", "3"};
  World bad(15, server);
  settings = settings_of(10);
  settings.runner.max_failures = MaxFailures{20, 0};
  const WorldJob list = job_of(bad.ids(2000));
  CHECK(bad.run(list, settings).exit == Exit::incomplete);
  const auto outcomes = tally(bad.outcomes("list"));
  CHECK(outcomes.at("rejected") <= 40);
  CHECK(outcomes.at("pending") >= 1700);
}

TEST_CASE("the day's quota used up stops the run, and the next day goes on from there") {
  SandboxSettings server;
  server.limits = {{100, 10s}, {500, 24h}};
  World world(16, server);
  auto settings = settings_of(1);
  settings.limits.calls = {{100, 10s}, {500, 24h}};
  settings.limits.reserve = 20;
  settings.runner.limited = true;
  const WorldJob job = job_of(world.ids(1000));
  CHECK(world.run(job, settings).exit == Exit::try_later);
  CHECK(tally(world.outcomes("list"))["invited"] == 480);
  CHECK(world.run(job, settings).exit == Exit::try_later);
  CHECK(tally(world.outcomes("list"))["invited"] == 480);
  world.clock.reboot(24h);
  CHECK(world.run(job, settings).exit == Exit::try_later);
  CHECK(tally(world.outcomes("list"))["invited"] == 960);
  world.clock.reboot(25h);
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(world.sandbox.stats().over_limit == 0);
}
