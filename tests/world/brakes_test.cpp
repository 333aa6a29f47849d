// What stops a run with much of its list untouched: canaries, failures, a list refused alike, a signal.
#include <doctest/doctest.h>

#include "scenario.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("a canary ends when it has settled its members, also when they are the last ones") {
  for (const bool has_limits : {false, true}) {
    CAPTURE(has_limits);
    World world(21, {});
    auto settings = settings_of(100);
    if (has_limits) settings.send.limits.calls = {{100, 10s}};
    const WorldJob job = job_of(world.ids(10));
    settings.send.max_members = 4;
    auto ended = world.run(job, settings);
    CHECK(ended.exit == Exit::try_later);
    CHECK(ended.end.by == StoppedBy::max_members);
    settings.send.max_members = 6;
    ended = world.run(job, settings);
    CHECK(ended.exit == Exit::ok);
    CHECK(ended.end.by == StoppedBy::nothing);
    CHECK(world.run(job, settings).exit == Exit::ok);  // and with nobody due at all
  }
  World refused(22, {});
  refused.refused_courses = {"course"};
  auto settings = settings_of(100);
  settings.send.max_members = 10;
  const WorldJob job = job_of(refused.ids(50));
  CHECK(refused.run(job, settings).exit == Exit::bad_config);

  SandboxSettings server;
  server.poison = {"0", "1", "2", "3", "4", "5", "6", "7"};
  World bad(23, server);
  settings.send.max_members = 20;
  const WorldJob list = job_of(bad.ids(20));
  CHECK(bad.run(list, settings).exit == Exit::incomplete);
  settings.retry = {Outcome::rejected};
  CHECK(bad.run(list, settings).exit == Exit::incomplete);  // a retry of all of them, as a canary
}

TEST_CASE("max_members settles exactly so many; max_failures stops with most of the list untouched") {
  World world(14, {});
  auto settings = settings_of(100);
  settings.send.max_members = 250;
  const WorldJob job = job_of(world.ids(1000));
  CHECK(world.run(job, settings).exit == Exit::try_later);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 250}, {"pending", 750}});

  SandboxSettings server;
  server.poison = {"0", "1", "2", "3"};
  World bad(15, server);
  settings = settings_of(10);
  settings.send.run.max_failures = MaxFailures{20, 0};
  const WorldJob list = job_of(bad.ids(2000));
  CHECK(bad.run(list, settings).exit == Exit::incomplete);
  const auto outcomes = tally(bad.outcomes("list"));
  CHECK(outcomes.at("rejected") <= 40);
  CHECK(outcomes.at("pending") >= 1700);
}

TEST_CASE("a canary asks nobody else while those it has asked for are not settled") {
  NetworkSettings network;
  network.lost_answer = 1;
  World world(50, {}, network);
  auto settings = settings_of(100);
  settings.send.max_members = 10;
  const WorldJob job = job_of(world.ids(2000));
  CHECK(world.run(job, settings).exit == Exit::api_unavailable);
  CHECK(world.sent.size() == 10);
  world.network.lost_answer = 0.5;  // and the nights after, each with ten of its own at most
  for (std::size_t night = 2; night <= 5; ++night) {
    world.run(job, settings);
    CHECK(world.sent.size() <= 10 * night);
    check_invariants(world, {job});
  }
}

TEST_CASE("a list refused alike on the second night is not rejected either") {
  World world(35, {});
  WorldJob job = job_of(world.ids(50));
  CHECK(world.run(job, settings_of(100)).exit == Exit::ok);
  world.bad_courses = {"course"};
  const auto bad = world.ids(3000);
  job.rows.insert(job.rows.end(), bad.begin(), bad.begin() + 200);
  auto few = world.run(job, settings_of(100));  // few enough to be asked for one by one: it is them
  CHECK(few.end.by == StoppedBy::nothing);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 50}, {"rejected", 200}});
  job.rows.resize(50);
  job.rows.insert(job.rows.end(), bad.begin() + 200, bad.end());
  auto ended = world.run(job, settings_of(100));
  CHECK(ended.end.by == StoppedBy::refused_alike);
  CHECK(tally(world.outcomes("list")) ==
        std::map<std::string, int>{{"invited", 50}, {"pending", 2800}, {"rejected", 200}});
  CHECK(world.sandbox.stats().requests < 800);
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

TEST_CASE("what stops a run that has nothing left to do is forgotten: its exit code speaks of the list") {
  World world(32, {});
  world.stop_per_run = 1;
  auto settings = settings_of(100);
  for (int i = 0; i < 20; ++i) {
    const auto ended = world.run(job_of(world.ids(5)), settings);
    if (ended.end.by == StoppedBy::nothing) CHECK(ended.exit == Exit::ok);
    if (ended.end.by == StoppedBy::signal) CHECK(tally(world.outcomes("list"))["pending"] > 0);
  }
}
