// What becomes of the members of a list, from night to night.
#include <doctest/doctest.h>

#include <algorithm>

#include "scenario.h"

using namespace convoke;
using namespace std::chrono_literals;

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
  for (const auto& [id, outcome] : world.outcomes("list")) {
    const auto& member = id;
    const auto special = expected.find(member[0]);
    CAPTURE(member);
    CHECK(outcome == (special == expected.end() ? "invited" : special->second));
  }
  check_invariants(world, {job});
}

TEST_CASE("the night after, the exit code still says who is not invited; who failed is asked for again by itself") {
  SandboxSettings server;
  server.poison = {"00000000"};
  World world(24, server);
  auto rows = world.ids(20);
  rows.push_back("00000000-1111-2222-3333-444444444444");
  const WorldJob job = job_of(rows);
  CHECK(world.run(job, settings_of(100)).exit == Exit::incomplete);
  const auto requests = world.sandbox.stats().requests;
  CHECK(world.run(job, settings_of(100)).exit == Exit::incomplete);
  CHECK(world.sandbox.stats().requests == requests);
  WorldJob mended = job;
  mended.rows.pop_back();
  CHECK(world.run(mended, settings_of(100)).exit == Exit::ok);  // who is rejected is not in the list any more

  SandboxSettings failing;
  for (std::uint64_t request = 2; request < 5; ++request) failing.script[request] = answer_once(500);
  World other(25, failing);
  auto settings = settings_of(10);
  settings.send.calls.connections = 1;
  settings.send.retry.attempts = 3;
  const WorldJob list = job_of(other.ids(20));
  CHECK(other.run(list, settings).exit == Exit::incomplete);
  CHECK(tally(other.outcomes("list")) == std::map<std::string, int>{{"failed", 10}, {"invited", 10}});
  settings.send.run.retry_failed = false;
  CHECK(other.run(list, settings).exit == Exit::incomplete);
  settings.send.run.retry_failed = true;
  CHECK(other.run(list, settings).exit == Exit::ok);
}

TEST_CASE("invalid rows end with 1 unless the job says to ignore them; the books have them either way") {
  World world(26, {});
  WorldJob job = job_of(world.ids(5));
  job.rows.push_back("nobody");
  auto settings = settings_of(100);
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  settings.brakes.rules.ignore_invalid = true;
  CHECK(world.run(job, settings).exit == Exit::ok);
  Database database = Database::open_to_read(world.ledger());
  CHECK(books_of(database, *find_job(database, "list")).invalid == 1);
}

TEST_CASE("a member who fails every night is failed every night, and keeps nobody else") {
  World world(38, {});
  WorldJob job = job_of(world.ids(40));
  std::sort(job.rows.begin(), job.rows.end());
  world.failing = job.rows.front();
  auto settings = settings_of(10);
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  const auto start = world.clock.now();
  CHECK(world.run(job, settings).exit == Exit::incomplete);  // he alone is due, and the API never answers for him
  CHECK(world.clock.now() - start < 3min);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"failed", 10}, {"invited", 30}});
  for (auto& id : world.ids(100)) job.rows.push_back(id);
  world.retry_after = 400s;  // and now it says for how long, which is longer than patience
  CHECK(world.run(job, settings).exit == Exit::api_unavailable);
  CHECK(tally(world.outcomes("list"))["invited"] >= 100);
}

TEST_CASE("a chunk that alone keeps failing ends failed, and retry makes it due again") {
  SandboxSettings server;
  for (std::uint64_t request = 20; request < 23; ++request) server.script[request] = answer_once(500);
  World world(11, server);
  auto settings = settings_of(10);
  settings.send.calls.connections = 1;
  settings.send.retry.attempts = 3;
  const WorldJob job = job_of(world.ids(200));
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"failed", 10}, {"invited", 190}});
  settings.retry = {Outcome::failed};
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 200}});
}

TEST_CASE("what a lost answer leaves in doubt is held if the operator says so") {
  NetworkSettings network;
  network.lost_answer = 1;
  World world(13, {}, network);
  auto settings = settings_of(100);
  settings.send.invite.on_doubt = OnDoubt::hold;
  const WorldJob job = job_of(world.ids(300));
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"in_doubt", 300}});
  CHECK(world.sandbox.stats().asked_again == 0);
}
