// What lies ahead, as `plan`, `status` and `check` look at it: the ledger's values, and what is reckoned from them.
#include "run/outlook.h"

#include <doctest/doctest.h>

#include "ledger/read_ledger.h"
#include "ledger/run_record.h"
#include "ledger_world.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

const PaceSettings ten_an_hour{{{{10, 1h}}, 0}, {30s, 8}};

void note_calls(LedgerWorld& world, const std::string& values) {
  world.database.handle().exec("INSERT INTO run (job_id, pid, started_at) VALUES (1, 1, 0)");
  world.database.handle().exec(
      "INSERT INTO call (run_id, chunk_id, target_no, size, sent_at, latency_ms, http_status) VALUES " + values);
}

}  // namespace

TEST_CASE("what a ledger does not know of its calls, by the file beside it") {
  const LedgerTime now{1000h};
  const WallTime wall{5000h};
  const CallsBegun ledger{"a", 10, wall - 1h};
  struct Case {
    CallsBegun ledger;
    std::optional<CallsBegun> file;
    std::int64_t forgotten;
    LedgerTime counted_until;
    std::optional<LedgerTime> unknown_until;
  };
  const std::vector<Case> cases = {
      {ledger, ledger, 0, now - 1h + 90s, {}},
      // Restored: the file knows of more.
      {ledger, CallsBegun{"a", 13, wall - 10min}, 3, now - 10min + 90s, {}},
      // A wall clock that was set back since makes no call later than now.
      {ledger, CallsBegun{"a", 13, wall + 5h}, 3, now + 90s, {}},
      // The file was restored, and the ledger was not.
      {ledger, CallsBegun{"a", 7, wall - 2h}, 0, now - 2h + 90s, {}},
      // Copied: the file is another's, or was left behind.
      {ledger, CallsBegun{"b", 99, wall - 2h}, 0, now - 2h + 90s, now + 90s},
      {ledger, {}, 0, {}, now + 90s},
      // New: no file, or that of a ledger that is gone.
      {{}, {}, 0, {}, {}},
      {{}, CallsBegun{"b", 99, wall - 2h}, 0, now - 2h + 90s, now + 90s},
  };
  for (const Case& expected : cases) {
    const ForgottenCalls forgotten = forgotten_calls(expected.ledger, expected.file, now, wall, 90s);
    CHECK(forgotten.calls == expected.forgotten);
    CHECK(forgotten.counted_until == expected.counted_until);
    CHECK(forgotten.unknown_until == expected.unknown_until);
  }
}

TEST_CASE("the outlook counts what a restored ledger has forgotten, and of a copied one it knows nothing") {
  LedgerWorld world;
  StillClock clock;
  const LedgerTime now(clock.wall_.time_since_epoch());
  world.database.handle().exec("UPDATE identity SET ledger_id = 'a', calls = 3");
  const auto used = [&](const std::optional<CallsBegun>& file) {
    return outlook_of(world.database, file, ten_an_hour, clock).limits.use.at(0).taken;
  };
  CHECK(used(CallsBegun{"a", 3, clock.wall_}) == 0);
  CHECK(used(CallsBegun{"a", 5, clock.wall_}) == 2);
  CHECK(used(CallsBegun{"a", 5, clock.wall_ - 2h}) == 0);
  CHECK(used(CallsBegun{"a", 1'000'000, clock.wall_}) == 10);
  // As long as none of its own calls still counts, a copy is as good as a new ledger.
  CHECK_FALSE(outlook_of(world.database, {}, ten_an_hour, clock).limits.is_any_unknown());
  LedgerSlots slots(world.database);
  world.database.write([&](Transaction& transaction) {
    slots.know(transaction, {1h}, now, clock.wall_, 90s);
    slots.take_forgotten(transaction, 1, now, now);
  });
  CHECK(used(CallsBegun{"a", 5, clock.wall_}) == 3);
  const LimitsNow copied = outlook_of(world.database, {}, ten_an_hour, clock).limits;
  CHECK(copied.is_any_unknown());
  CHECK(copied.next_call > clock.wall_ + 59min);
  CHECK_FALSE(outlook_of(world.database, CallsBegun{"a", 3, {}}, ten_an_hour, clock).limits.is_any_unknown());
}

TEST_CASE("the outlook of a ledger that is still to be made: nothing is used") {
  const Outlook outlook = outlook_of_new_ledger(ten_an_hour);
  CHECK(outlook.limits.use.at(0).left == 10);
  CHECK_FALSE(outlook.limits.next_call);
  CHECK(outlook.forecast(0).by_day.empty());
  CHECK(outlook.forecast(5).latency == 300ms);
  CHECK(outlook.forecast(15).duration > 1h);
}

TEST_CASE("what the ledger says to who only reads it") {
  LedgerWorld world;
  CHECK(calls_due(world.database, world.job) == 0);
  world.take_members(250);
  job_id(world.database, "alumni");
  keep_origin(world.database, world.job, "news", "/jobs/news.toml");
  const auto jobs = known_jobs(world.database);
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].name == "alumni");
  CHECK(jobs[0].origin.empty());
  CHECK(jobs[1].name == "news");
  CHECK(jobs[1].id == world.job);
  CHECK(jobs[1].origin == "/jobs/news.toml");
  CHECK(calls_due(world.database, world.job) == 3);
  CHECK(calls_due(world.database, jobs[0].id) == 0);
  check_sound(world.database);

  CHECK_FALSE(mean_latency(world.database));
  note_calls(world, "(1, 1, 1, 100, 0, 30000, NULL)");  // (without an answer)
  CHECK_FALSE(mean_latency(world.database));
  note_calls(world, "(1, 1, 1, 100, 0, 100, 201), (1, 1, 1, 100, 0, 301, 500)");
  CHECK(mean_latency(world.database) == 200ms + 500us);
}

TEST_CASE("a ledger that cannot be read is named, and what else is thrown stays as it is") {
  LedgerWorld world;
  const auto failing = [&] { world.database.handle().exec("SELECT nothing FROM nowhere"); };
  try {
    at_ledger(world.path, failing);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.exit() == Exit::disk);
    CHECK(error.where() == world.path);
  }
  CHECK_THROWS_AS(at_ledger(world.path, [] { throw std::out_of_range("none"); }), std::out_of_range);
  CHECK(at_ledger(world.path, [] { return 7; }) == 7);
  CHECK_THROWS_AS(read_ledger(world.folder.file("nothing"), [](Database&) {}), Error);
}
