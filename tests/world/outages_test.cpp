// An API that is down, slow or silent: probed, waited for, and given up on after patience.
#include <doctest/doctest.h>

#include <algorithm>

#include "scenario.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("a job of one chunk is not given up on before patience is over") {
  SandboxSettings server;
  for (std::uint64_t request = 1; request < 13; ++request) server.script[request] = answer_once(503);
  World world(27, server);
  const WorldJob job = job_of(world.ids(50));
  CHECK(world.run(job, settings_of(100)).exit == Exit::ok);
  CHECK(world.sandbox.stats().requests == 13);
}

TEST_CASE("a 503 that says how long is waited for by everybody, and given up on after patience") {
  SandboxSettings server;
  server.script[3] = answer_once(503);
  World world(28, server);
  world.retry_after = 90s;
  auto settings = settings_of(10);
  const WorldJob job = job_of(world.ids(400));
  const Instant start = world.clock.now();
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(world.clock.now() - start >= 90s);
  for (const auto& [id, member] : world.members("list")) CHECK(member.attempts <= 2);

  SandboxSettings down;
  down.faults = {answer_once(503)};
  World other(29, down);
  other.retry_after = 90s;
  const WorldJob list = job_of(other.ids(400));
  const Instant began = other.clock.now();
  CHECK(other.run(list, settings).exit == Exit::api_unavailable);
  CHECK(other.clock.now() - began >= 4min);
  CHECK(other.clock.now() - began <= 6min);
  CHECK(tally(other.outcomes("list")) == std::map<std::string, int>{{"pending", 400}});
}

TEST_CASE("an API that answers 429 for ever is given up on after patience, and no member pays for it") {
  SandboxSettings server;
  server.faults = {answer_once(429)};
  World world(30, server);
  const WorldJob job = job_of(world.ids(400));
  const Instant start = world.clock.now();
  CHECK(world.run(job, settings_of(10)).exit == Exit::api_unavailable);
  CHECK(world.clock.now() - start >= 5min);
  CHECK(world.clock.now() - start <= 7min);
  for (const auto& [id, member] : world.members("list")) CHECK(member.attempts == 0);
}

TEST_CASE("a wait that a 503 asks for is that wait, however long the limits' windows are") {
  SandboxSettings server;
  server.script[3] = answer_once(503);
  World world(40, server);
  world.retry_after = 2s;
  auto settings = settings_of(10);
  settings.send.limits.calls = {{50'000, 24h}};
  const auto start = world.clock.now();
  CHECK(world.run(job_of(world.ids(400)), settings).exit == Exit::ok);
  CHECK(world.clock.now() - start < 1min);
}

TEST_CASE("a wait that is longer than patience is not sat out") {
  SandboxSettings server;
  server.faults = {answer_once(503)};
  World world(39, server);
  world.retry_after = 3600s;
  const WorldJob job = job_of(world.ids(300));
  const auto start = world.clock.now();
  const auto ended = world.run(job, settings_of(100));
  CHECK(ended.exit == Exit::api_unavailable);
  CHECK(ended.end.next_call);
  CHECK(world.clock.now() - start < 1min);
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
  CHECK(world.clock.now() - start >= 5min);
  CHECK(world.clock.now() - start <= 6min);
}

TEST_CASE("an outage in the middle is probed with one call at a time, and the run goes on after it") {
  SandboxSettings server;
  for (std::uint64_t request = 50; request < 70; ++request) server.script[request] = answer_once(503);
  World world(10, server);
  auto settings = settings_of(10);
  settings.send.retry.patience = 10min;
  int open = 0;
  std::vector<Instant> probes;
  world.on_send = [&](const Request&) {
    ++open;
    if (world.warnings.size() != 1) return;
    CHECK(open == 1);
    probes.push_back(world.clock.now());
  };
  world.on_answer = [&](const Answer&) { --open; };
  const WorldJob job = job_of(world.ids(2000));
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 2000}});
  REQUIRE(world.warnings.size() == 2);  // one word when it is seen to be down, and one when it is back
  REQUIRE(probes.size() >= 4);
  for (std::size_t i = 2; i < 4; ++i) CHECK(probes[i] - probes[i - 1] > probes[i - 1] - probes[i - 2]);
  CHECK(world.warnings[0].find("the API does not answer") != std::string::npos);
  CHECK(world.warnings[1].find("the API answers again") != std::string::npos);
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

TEST_CASE("patience is kept by the clock, and an API that is silent is said to be, also for a job of one chunk") {
  NetworkSettings network;
  network.refused = 1;
  World world(54, {}, network);
  auto settings = settings_of(100);
  settings.send.retry.patience = 60s;
  const WorldJob job = job_of(world.ids(20));
  for (int night = 1; night <= 3; ++night) {  // and every night: nobody is blamed for it
    const auto start = world.clock.now();
    world.warnings.clear();
    CHECK(world.run(job, settings).exit == Exit::api_unavailable);
    CHECK(world.clock.now() - start >= 60s);
    CHECK(world.clock.now() - start <= 70s);
    CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"pending", 20}});
    REQUIRE(world.warnings.size() == 1);
    CHECK(world.warnings[0].find("the API does not answer") != std::string::npos);
  }
}

TEST_CASE("after an outage, what failed before is not what is tried first") {
  World world(55, {});
  auto settings = settings_of(1);
  settings.send.calls.connections = 4;
  WorldJob job = job_of(world.ids(15));
  std::sort(job.rows.begin(), job.rows.end());
  WorldJob first = job;
  first.rows.resize(12);  // a dozen good ones, so that a bad one is not an outage
  world.failing = job.rows.back();
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"failed", 1}, {"invited", 14}});
  for (auto& id : world.ids(50)) job.rows.push_back(id);
  const auto begun = world.sandbox.stats().requests;
  world.down_for = 12;
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"failed", 1}, {"invited", 64}});
  CHECK(world.sandbox.stats().requests > begun + 50);
}

TEST_CASE("a machine that sleeps while calls wait for their turn finds them too old, and the run ends all the same") {
  for (const int asleep_at : {9, 20, 40, 60}) {
    CAPTURE(asleep_at);
    World world(50, {});
    world.network.slowest = 5ms;
    auto settings = settings_of(10);
    settings.send.retry.patience = 10min;
    int sent = 0;
    world.on_send = [&](const Request&) {
      if (++sent == asleep_at) world.clock.suspend(settings.send.calls.timeout + 1s);
    };
    CHECK(world.run(job_of(world.ids(1000)), settings).exit == Exit::ok);
  }
}
