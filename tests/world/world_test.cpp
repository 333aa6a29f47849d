#include "world.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>

using namespace convoke;
using namespace std::chrono_literals;

namespace {

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
  CHECK(ended.end.refused[0].course_id == "gone");
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

TEST_CASE("after a 413 one call at a time finds the size that is accepted") {
  SandboxSettings server;
  server.max_ids = 10;
  World world(31, server);
  const WorldJob job = job_of(world.ids(2000));
  CHECK(world.run(job, settings_of(100)).exit == Exit::ok);
  CHECK(world.sandbox.stats().statuses.at(413) == 4);  // 100, 50, 25, 13: each once
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
  settings.send.calls.connections = 1;
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
  settings.send.invite.on_doubt = OnDoubt::hold;
  const WorldJob job = job_of(world.ids(300));
  CHECK(world.run(job, settings).exit == Exit::incomplete);
  CHECK(tally(world.outcomes("list")) == std::map<std::string, int>{{"in_doubt", 300}});
  CHECK(world.sandbox.stats().asked_again == 0);
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

TEST_CASE("a login page on the second night asked nobody: it is not retried for long, and blames and silences nobody") {
  SandboxSettings server;
  for (std::uint64_t request = 2; request < 200; ++request) server.script[request] = {FaultKind::login, 0, 1.0};
  for (const OnDoubt on_doubt : {OnDoubt::ask_again, OnDoubt::ask_quietly, OnDoubt::hold}) {
    World world(51, server);
    auto settings = settings_of(100);
    settings.send.invite.on_doubt = on_doubt;
    settings.send.invite.email_notification = true;
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
