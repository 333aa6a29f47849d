// The limits, as the server counts them and as a run lives with them.
#include <doctest/doctest.h>

#include "scenario.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("a 429 costs no attempt, and nobody sends for a whole window") {
  SandboxSettings server;
  server.script[2] = answer_once(429);
  World world(7, server);
  auto settings = settings_of(100);
  settings.send.limits.calls = {{100, 10s}};
  settings.send.calls.connections = 1;
  const WorldJob job = job_of(world.ids(250));
  const Instant start = world.clock.now();
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(world.clock.now() - start >= 10s);
  for (const auto& [id, member] : world.members("list")) REQUIRE(member.attempts == 1);
  REQUIRE(world.warnings.size() == 1);
  CHECK(world.warnings[0].find("someone else uses the key") != std::string::npos);
  CHECK(world.warnings[0].find("2 of 100/10s") != std::string::npos);
}

TEST_CASE("a server that stands still and then acts on all that waited never counts one too many") {
  for (const Duration timeout : {Duration(1s), Duration(5s), Duration(30s)}) {
    CAPTURE(timeout.count());
    SandboxSettings server;
    server.limits = {{5, 1s}};
    World world(5, server, {20ms, 0, 0, 0, 0, 0.05});
    const WorldJob job = job_of(world.ids(60));
    auto settings = settings_of(1);
    settings.send.calls.timeout = timeout;
    settings.send.limits.calls = server.limits;
    for (int runs = 0; runs < 20 && world.run(job, settings).exit != Exit::ok; ++runs) continue;
    CHECK(tally(world.outcomes("list"))["pending"] == 0);
    CHECK(world.sandbox.stats().over_limit == 0);
  }
}

TEST_CASE("a lost answer takes one slot out of use for a while, and does not hold up a run whose limits are wide") {
  const auto took = [](double lost) {
    World world(5, {}, {20ms, 0, 0, 0, lost});
    auto settings = settings_of(1);
    settings.send.limits.calls = {{100, 10s}, {50'000, 24h}};
    const Instant began = world.clock.now();
    CHECK(world.run(job_of(world.ids(1000)), settings).exit == Exit::ok);
    return std::chrono::duration<double>(world.clock.now() - began).count();
  };
  const double well = took(0);
  const double with_losses = took(0.01);
  MESSAGE("1,000 calls under 100/10s: " << well << " s; with 1 % of the answers lost: " << with_losses << " s");
  CHECK(with_losses < 1.25 * well);
}

TEST_CASE("the day's quota used up stops the run, and the next day goes on from there") {
  SandboxSettings server;
  server.limits = {{100, 10s}, {500, 24h}};
  World world(16, server);
  auto settings = settings_of(1);
  settings.send.limits.calls = {{100, 10s}, {500, 24h}};
  settings.send.limits.reserve = 20;
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
