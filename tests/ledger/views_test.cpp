// What people read: the views, an export of them, and the story of a member.
#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>

#include "calls_by_hand.h"
#include "ledger/export.h"
#include "ledger/story.h"
#include "ledger_world.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

// What an API might have said of each member, in a ledger whose chunks are of this size.
void tell_of_members(LedgerWorld& world, std::uint64_t members, int chunk_size) {
  world.take_members(members, chunk_size);
  world.database.handle().exec(
      "UPDATE chunk SET participant_status = 'Invited', started_at = 'then', "
      "participant_id = (SELECT json_group_array('p\"' || value) FROM json_each(lines)), "
      "completed_at = (SELECT json_group_array(iif(value % 3 = 0, 'at ' || value, NULL)) FROM json_each(lines)), "
      "completion_rate = (SELECT json_group_array(value % 101) FROM json_each(lines)), "
      "profile = (SELECT json_group_array(json_object('spotMemberEmail', value || '@x')) FROM json_each(lines))");
}

}  // namespace

TEST_CASE("the views have the columns that people rely on, in that order") {
  LedgerWorld world;
  const auto columns = [&](const std::string& view) {
    return world.rows("SELECT group_concat(name, ', ') FROM pragma_table_info('" + view + "')");
  };
  const std::string outcomes =
      "job, course_id, spot_member_id, outcome, reason, http_status, error, attempts, participant_id, "
      "participant_status, invited_at, started_at, completed_at, unenrolled_at, last_activity_at, completion_rate, "
      "source_line, in_list, run_id, updated_at, target";
  CHECK(columns("outcomes") == Rows{outcomes});
  CHECK(columns("invalid_rows") == Rows{"job, source_line, value, reason"});
  CHECK(columns("runs") == Rows{"run_id, job, started_at, ended_at, exit_code, stopped_by, message, rows_read, "
                                "invalid, duplicates, unknown, invited, "
                                "already_invited, rejected, failed, in_doubt, calls, retries, command"});
  CHECK(columns("calls") ==
        Rows{"call_id, run_id, job, course_id, sent_at, latency_ms, http_status, error, members, reason, step"});

  show_profiles(world.database);
  show_profiles(world.database);
  CHECK(columns("outcomes") == Rows{outcomes + ", participant_profile"});
  world.take_members(2);
  Sent sent(world);
  Fate invited = fate(Outcome::invited, 201);
  invited.participants.profile = R"([{"spotMemberEmail":"a@x"},{"spotMemberEmail":"b@x"}])";
  sent.settle({{{}, invited}});
  CHECK(world.rows("SELECT participant_profile FROM outcomes ORDER BY spot_member_id") ==
        Rows{R"({"spotMemberEmail":"a@x"})", R"({"spotMemberEmail":"b@x"})"});
}

TEST_CASE("a member's story has its line, chunk, outcome and every call for it") {
  LedgerWorld world;
  world.take({{1}, {2}, {3}, {2, "c2"}});
  Sent sent(world);
  sent.settle({{{}, due_at(ledger_now - 1s, 1)}});
  sent.settle({{{1}, fate(Outcome::rejected, 400)}, {{0, 2}, fate(Outcome::invited, 201)}});
  const auto stories = story_of(world.database, world.job, {member(2), {}});
  REQUIRE(stories.size() == 2);
  CHECK(stories[0].target.id == "c1");
  CHECK(stories[0].outcome == "rejected");
  CHECK(stories[0].source_line == 3);
  CHECK(stories[0].chunk_size == 1);
  REQUIRE(stories[0].calls.size() == 2);
  CHECK(stories[0].calls[0].http_status == 503);
  CHECK(stories[0].calls[1].http_status == 400);
  CHECK(stories[0].calls[1].members == 3);
  CHECK(stories[1].outcome == "pending");
  CHECK(stories[1].calls.empty());
  CHECK(story_of(world.database, world.job, {member(9), {}}).empty());
  // The bytes of two ids side by side may hold a third.
  LedgerWorld tricky;
  const std::string left = "00000000-0000-0000-0000-0000000000aa";
  const std::string right = "bb000000-0000-0000-0000-000000000000";
  const auto between = *MemberId::parse("aabb0000-0000-0000-0000-000000000000");
  tricky.take_made(MadeRows({{2, left}, {3, right}}));
  CHECK(story_of(tricky.database, tricky.job, {between, {}}).empty());
  CHECK(story_of(tricky.database, tricky.job, {*MemberId::parse(right), {}}).size() == 1);
}

TEST_CASE("the view shows the same of a member, however large the chunk") {
  const auto rows_of_chunks = [](int chunk_size) {
    LedgerWorld world;
    tell_of_members(world, 777, chunk_size);
    return world.rows(
        "SELECT spot_member_id, outcome, participant_id, participant_status, invited_at, started_at, completed_at, "
        "completion_rate, typeof(completion_rate), source_line, in_list, participant_profile FROM outcomes_of_chunks "
        "ORDER BY spot_member_id");
  };
  const Rows in_small = rows_of_chunks(100);
  CHECK(in_small.size() == 777);
  CHECK(in_small[1].find("|pending|p\"3|Invited|-|then|at 3|3|integer|3|1|{\"spotMemberEmail\":\"3@x\"}") !=
        std::string::npos);
  CHECK(rows_of_chunks(777) == in_small);
  CHECK(rows_of_chunks(500) == in_small);
}

TEST_CASE("a row costs about the same in a chunk of 10,000") {
  const auto cost = [](int chunk_size) {
    LedgerWorld world;
    tell_of_members(world, 10'000, chunk_size);
    const std::clock_t begin = std::clock();
    export_outcomes(world.database, world.job, {}, Gone::with, ExportFormat::csv, [](const std::string&) {});
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  // Two to three times, in a release; what is quadratic is hundreds of times.
  CHECK(cost(10'000) < 15 * cost(100) + 0.2);
}

TEST_CASE("an export is the view, as CSV that no spreadsheet runs, or as JSON lines") {
  LedgerWorld world;
  world.take_members(2);
  Sent sent(world);
  Fate rejected = fate(Outcome::rejected, 400);
  rejected.error = "=cmd(\"x\"), no";
  sent.settle({{{0}, rejected}, {{1}, fate(Outcome::invited, 201)}});
  const auto text = [&](const std::vector<Outcome>& outcomes, ExportFormat format) {
    std::string all;
    export_outcomes(world.database, world.job, outcomes, Gone::without, format,
                    [&](const std::string& piece) { all += piece; });
    return all;
  };
  const std::string csv = text({}, ExportFormat::csv);
  CHECK(csv.starts_with("job,course_id,spot_member_id,outcome,"));
  CHECK(contains(csv, "rejected,,400,\"'=cmd(\"\"x\"\"), no\",0,"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
  const std::string jsonl = text({Outcome::rejected}, ExportFormat::jsonl);
  CHECK(contains(jsonl,
                 R"("outcome":"rejected","reason":null,"http_status":400,"error":"=cmd(\"x\"), no","attempts":0,)"));
  CHECK(std::count(jsonl.begin(), jsonl.end(), '\n') == 1);
  CHECK(text({Outcome::failed}, ExportFormat::jsonl).empty());
}
