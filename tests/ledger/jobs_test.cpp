// Jobs on one ledger: apart from each other, each from where it came, and all of one API.
#include "ledger/jobs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>

#include "calls_by_hand.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;

TEST_CASE("several jobs on a ledger do not see each other's members") {
  LedgerWorld world;
  world.take_members(3);
  const JobId other = job_id(world.database, "other");
  CHECK(other != world.job);
  CHECK(job_id(world.database, "other") == other);
  CHECK(find_job(world.database, "other") == other);
  CHECK_FALSE(find_job(world.database, "none"));
  MadeRows source = source_of({{1}});
  MemberList list(source, {});
  Chunks chunks(world.database, other);
  Resolution resolution(world.database, other, chunks);
  CHECK(take_in(world.database, other, list, resolution, 100, anything_goes, "", WallTime{})->added == 1);
  check_books(world.database, other);
  check_all(world);
  CHECK(books_of(world.database, other).all_members() == 1);
  CHECK(books_of(world.database, world.job).all_members() == 3);
}

TEST_CASE("a ledger belongs to the API of its first call, and a job to where it came from") {
  LedgerWorld world;
  CHECK_NOTHROW(check_api(world.database, "https://a.example"));
  world.database.write([&](Transaction& transaction) { belong_to_api(transaction, "https://a.example"); });
  CHECK_NOTHROW(check_api(world.database, "https://a.example"));
  // Nothing was said of anybody yet: an address that was wrong may be mended.
  world.take({{1}});
  world.database.write([&](Transaction& transaction) { belong_to_api(transaction, "https://b.example"); });
  world.database.write([&](Transaction& transaction) { belong_to_api(transaction, "https://a.example"); });
  {  // A call is under way: what it will say is of that API.
    RunLog log(world.database, world.job, wall_now);
    Chunks chunks(world.database, world.job);
    world.database.write([&](Transaction& transaction) {
      const CallId call = log.begin_call(transaction, *chunks.due(transaction, ledger_now).claim({1}), wall_now);
      CHECK_THROWS_AS(check_api(world.database, "https://b.example"), Error);
      log.end_call(transaction, call, {});
    });
  }
  CHECK_NOTHROW(check_api(world.database, "https://b.example"));
  Sent sent(world);  // whose courses are accepted
  const std::string text = error_of([&] { check_api(world.database, "http://127.0.0.1:8080"); });
  CHECK(contains(text, "78 "));
  CHECK(contains(text, "https://a.example"));
  CHECK(contains(text, "--rehearse"));
  CHECK(contains(error_of([&] { start_rehearsal(world.database, world.job); }), "not a rehearsal's"));

  keep_origin(world.database, world.job, "news", "/x/list.csv");
  CHECK_NOTHROW(keep_origin(world.database, world.job, "news", "/x/list.csv"));
  CHECK(contains(error_of([&] { keep_origin(world.database, world.job, "news", "/y/list.csv"); }), "--name NAME"));
  const JobId other = job_id(world.database, "other");
  const std::string here = world.folder.write("a.toml", "");
  keep_origin(world.database, other, "other", "/x/unreadable.xlsx");
  keep_origin(world.database, other, "other", here);  // no list was ever read: there is nobody to withdraw
  world.database.write([&] {
    world.database.handle().exec(fmt::format("UPDATE chunk SET job_id = {} WHERE job_id = {}", other, world.job));
  });
  CHECK(contains(error_of([&] { keep_origin(world.database, other, "other", "/y/a.toml"); }), "name = "));
  std::filesystem::remove(here);  // it was moved
  CHECK_NOTHROW(keep_origin(world.database, other, "other", "/y/a.toml"));
}
