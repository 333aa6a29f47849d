// A wrong key, course, size or address: it costs a call or two, and no member pays for it.
#include <doctest/doctest.h>

#include "scenario.h"

using namespace convoke;
using namespace std::chrono_literals;

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

TEST_CASE("a course that is not there costs one call, its members stay due, and the others go out") {
  World world(5, {});
  WorldJob job = job_of(world.ids(5000));
  job.more_courses = {"gone", "there"};
  world.refused_courses = {"gone"};
  const auto ended = world.run(job, settings_of(100));
  CHECK(ended.exit == Exit::bad_config);
  CHECK(ended.end.by == StoppedBy::course_refused);
  REQUIRE(ended.end.refused.size() == 1);
  CHECK(ended.end.refused[0].target.id == "gone");
  auto outcomes = tally(world.outcomes("list"));
  CHECK(outcomes.size() == 2);
  CHECK(outcomes["pending"] == ended.end.refused[0].members);
  CHECK(outcomes["pending"] > 1000);
  CHECK(outcomes["invited"] == 5000 - outcomes["pending"]);
  CHECK(world.warnings.size() == 1);
  CHECK(world.sandbox.stats().statuses.at(404) == 1);
  for (const auto& [id, member] : world.members("list")) CHECK(member.attempts <= 1);
  world.refused_courses.clear();
  CHECK(world.run(job, settings_of(100)).exit == Exit::ok);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 5000}});
  check_invariants(world, {job});
}

TEST_CASE("a wrong course, key, size or address costs one call, and not one per connection") {
  struct Row {
    int status;
    Exit exit;
  };
  for (const Row& row : {Row{401, Exit::key_refused}, Row{402, Exit::key_refused}, Row{404, Exit::bad_config},
                         Row{302, Exit::bad_config}, Row{407, Exit::bad_config}}) {
    CAPTURE(row.status);
    SandboxSettings server;
    server.faults = {answer_once(row.status)};
    World world(5, server);
    const WorldJob job = job_of(world.ids(5000));
    CHECK(world.run(job, settings_of(100)).exit == row.exit);
    CHECK(world.sandbox.stats().requests == 1);
    CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"pending", 5000}});
  }
  SandboxSettings server;
  server.faults = {{FaultKind::login, 0, 1.0}};
  World world(5, server);
  const WorldJob job = job_of(world.ids(5000));
  const auto ended = world.run(job, settings_of(100));
  CHECK(ended.exit == Exit::bad_config);
  CHECK(ended.end.reason == Reason::login_page);
  CHECK(world.sandbox.stats().requests == 1);
}

TEST_CASE("one 404 in the middle does not cost a course that was there; two in a row do") {
  SandboxSettings server;
  server.script[9] = answer_once(404);
  World world(33, server);
  const WorldJob job = job_of(world.ids(3000));
  CHECK(world.run(job, settings_of(100)).exit == Exit::ok);

  SandboxSettings gone;
  for (std::uint64_t request = 9; request < 100; ++request) gone.script[request] = answer_once(404);
  World other(34, gone);
  const WorldJob list = job_of(other.ids(3000));
  const auto ended = other.run(list, settings_of(100));
  CHECK(ended.exit == Exit::bad_config);
  CHECK(ended.end.by == StoppedBy::course_refused);
  CHECK(other.sandbox.stats().requests < 50);
}

TEST_CASE("everything is too large: the run stops, and nobody is rejected for it") {
  SandboxSettings server;
  server.faults = {answer_once(413)};
  World world(37, server);
  const WorldJob job = job_of(world.ids(300));
  const auto ended = world.run(job, settings_of(100));
  CHECK(ended.exit == Exit::bad_config);
  CHECK(ended.end.reason == Reason::too_large);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"pending", 300}});
  CHECK(world.sandbox.stats().requests < 10);
}

TEST_CASE("after a 413 one call at a time finds the size that is accepted") {
  SandboxSettings server;
  server.max_ids = 10;
  World world(31, server);
  const WorldJob job = job_of(world.ids(2000));
  CHECK(world.run(job, settings_of(100)).exit == Exit::ok);
  CHECK(world.sandbox.stats().statuses.at(413) == 4);  // 100, 50, 25, 13: each once
}

TEST_CASE("a size that is too large is learned for the rest of the run") {
  SandboxSettings server;
  server.max_ids = 30;
  World world(8, server);
  auto settings = settings_of(100);
  settings.send.calls.connections = 1;
  const WorldJob job = job_of(world.ids(2000));
  CHECK(world.run(job, settings).exit == Exit::ok);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 2000}});
  // 80 calls of 25, and a few until that was learned.
  CHECK(world.sandbox.stats().requests <= 90);
}

TEST_CASE("a login page on the second night asked nobody: it is not retried for long, and blames and silences nobody") {
  SandboxSettings server;
  for (std::uint64_t request = 2; request < 200; ++request) server.script[request] = {FaultKind::login, 0, 1.0};
  for (const OnDoubt on_doubt : {OnDoubt::ask_again, OnDoubt::ask_quietly, OnDoubt::hold}) {
    World world(51, server);
    auto settings = settings_of(100);
    settings.send.invite.on_doubt = on_doubt;
    settings.send.invite.email_notification = true;
    settings.send.invite.check = false;  // the first request is an invitation
    WorldJob job = job_of(world.ids(100));
    CHECK(world.run(job, settings).exit == Exit::ok);
    for (auto& id : world.ids(900)) job.rows.push_back(id);
    const auto ended = world.run(job, settings);
    CHECK(ended.exit == Exit::bad_config);
    CHECK(ended.end.reason == Reason::login_page);
    CHECK(world.sandbox.stats().requests < 20);
    CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 100}, {"pending", 900}});
    while (world.sandbox.stats().requests < 199) world.run(job, settings);
    CHECK(world.run(job, settings).exit == Exit::ok);
    CHECK(world.sandbox.stats().mails == 1000);
  }
}

TEST_CASE("one login page in the middle is passed over") {
  SandboxSettings server;
  server.script[5] = {FaultKind::login, 0, 1.0};
  World world(52, server);
  auto settings = settings_of(10);
  settings.send.invite.on_doubt = OnDoubt::hold;
  const WorldJob job = job_of(world.ids(200));
  CHECK(world.run(job, settings).exit == Exit::ok);
}

TEST_CASE("answers that nobody can read stop the run, and leave but a few in doubt") {
  SandboxSettings server;
  for (std::uint64_t request = 2; request < 1000; ++request) server.script[request] = {FaultKind::garbage, 0, 1.0};
  World world(53, server);
  auto settings = settings_of(10);
  settings.send.invite.on_doubt = OnDoubt::hold;
  const auto ended = world.run(job_of(world.ids(2000)), settings);
  CHECK(ended.exit == Exit::bad_config);
  CHECK(ended.end.reason == Reason::odd_answer);
  CHECK(tally(world.outcomes("list"))["in_doubt"] <= 150);
}

TEST_CASE("with one attempt a member, a course that is gone still keeps its members due") {
  SandboxSettings gone;
  for (std::uint64_t request = 2; request < 100; ++request) gone.script[request] = answer_once(404);
  World world(56, gone);
  auto settings = settings_of(100);
  settings.send.retry.attempts = 1;
  settings.send.max_members = 100;
  const WorldJob job = job_of(world.ids(400));
  CHECK(world.run(job, settings).exit == Exit::try_later);
  settings.send.max_members.reset();
  CHECK(world.run(job, settings).exit == Exit::bad_config);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 100}, {"pending", 300}});
}

TEST_CASE("what is too large on the way, even alone, rejects nobody, also of a job that was accepted") {
  SandboxSettings server;
  for (std::uint64_t request = 2; request < 1000; ++request) server.script[request] = answer_once(413);
  World world(57, server);
  WorldJob job = job_of(world.ids(100));
  CHECK(world.run(job, settings_of(100)).exit == Exit::ok);
  for (auto& id : world.ids(100)) job.rows.push_back(id);
  for (int night = 1; night <= 3; ++night) CHECK(world.run(job, settings_of(100)).exit == Exit::bad_config);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"invited", 100}, {"pending", 100}});
}
