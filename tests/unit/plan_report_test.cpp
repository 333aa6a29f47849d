// What operators and scripts read of plans, checks and single members, whole, from values made by hand.
#include "report/plan_report.h"

#include <doctest/doctest.h>

#include "report/check_report.h"
#include "report/story_report.h"
#include "report_values.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

Plan some_plan() {
  Plan plan;
  plan.job = "members";
  plan.api = {"https://api.example", ", by a proxy", ""};
  plan.target.id = "42";
  plan.invite.email_notification = true;
  plan.ledger = "/var/convoke.sqlite";
  plan.is_ledger_new = true;
  plan.survey.reading = {.rows = 1204,
                         .invalid = 3,
                         .duplicates = 1,
                         .mended = 2,
                         .members = 1200,
                         .added = 1100,
                         .revived = 4,
                         .gone = 6,
                         .withdrawn = 5};
  plan.survey.due = 1140;
  plan.survey.calls = 12;
  plan.survey.invalid = {{4, "n/a", Reason::not_an_id}};
  plan.without_answer = 100;
  plan.limits = some_limits();
  plan.forecast = {300ms, 1200ms, {12}};
  return plan;
}

std::vector<Story> some_stories() {
  Story story;
  story.target.id = "42";
  story.outcome = "invited";
  story.http_status = 201;
  story.attempts = 2;
  story.source_line = 17;
  story.chunk = 3;
  story.chunk_size = 100;
  story.participant_id = "p-1";
  story.participant_status = "INVITED";
  story.updated_at = "2026-11-24T12:00:02.000Z";
  story.calls = {{5, 1, "2026-11-24T12:00:00.000Z", {}, {}, "no answer in time", 100, Step::invite, false},
                 {6, 2, "2026-11-24T12:00:01.000Z", 250, 201, "", 1, Step::invite, false}};
  return {story};
}

const MemberId some_member = *MemberId::parse("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");

}  // namespace

TEST_CASE("a plan in words") {
  CHECK(plan_text(some_plan()) == R"(members: a plan, nothing is sent
  API                https://api.example, by a proxy
  course             42
  e-mail             yes, to each invited member
  on_doubt           ask-again: who may have been invited is asked for again
  key                there is one
  ledger             /var/convoke.sqlite (would be new)
  rows read                  1,204
    invalid                      3
      line 4: not a member id (a UUID): 'n/a'
      and more
    duplicates                   1
    mended                       2   ids in braces, without dashes, or with invisible characters
    members                  1,200
  new members                1,100
  back again                     4   they were withdrawn
  withdrawn                      5   due until now, and no longer in the list
  without answer               100   asked for in calls that convoke did not live to see answered
  would be sent              1,140   in 12 calls; about 1 s under the limits at 300 ms a call
  limit 100/10s                100 used, 0 left
  limit 50000/24h            1,234 used, 48,766 left
  the next call may go at 2026-11-24T12:00:10.000Z
)");
}

TEST_CASE("a plan of a list that was not read again, without a key") {
  Plan plan;
  plan.job = "members";
  plan.api = {"https://api.example", "", "there is no key"};
  plan.ledger = "/l";
  plan.books = some_books();
  CHECK(plan_text(plan) == R"(members: a plan, nothing is sent
  API                https://api.example
  course             named by each row
  e-mail             as the API has it (email_notification is not set)
  on_doubt           ask-again: who may have been invited is asked for again
  key                there is no key
  ledger             /l
  rows read                  1,204   unchanged since the last run, not read again
    invalid                      3
    duplicates                   1
    mended                       2   ids in braces, without dashes, or with invisible characters
    members                  1,200
  would be sent                  0   in 0 calls; nothing to send
  no limits are set
)");
}

TEST_CASE("plans as JSON") {
  CHECK(
      plans_json({some_plan()}) ==
      R"({"plans":[{"job":"members","base_url":"https://api.example","course":"42","target":"course","email_notification":true,)"
      R"("on_doubt":"ask-again","has_key":true,"ledger":"/var/convoke.sqlite","source_read":true,"rows_read":1204,)"
      R"("invalid":3,"duplicates":1,"mended":2,"members":1200,"new":1100,"revived":4,"withdrawn":5,)"
      R"("addresses_known":0,"addresses_to_look_up":0,"look_ups":0,"due":1140,)"
      R"("asked_without_answer":100,"calls":12,)"
      R"("invalid_rows":[{"source_line":4,"value":"n/a","reason":"not_an_id"}],)"
      R"("check":null,"forecast":{"seconds":1.2,"calls_by_day":[12]},"quota":{"limits":[{"limit":"100/10s","used":100,"left":0},)"
      R"({"limit":"50000/24h","used":1234,"left":48766}],"next_call":"2026-11-24T12:00:10.000Z",)"
      R"("unknown_until":null}}]})"
      "\n");
  CHECK(plans_json({}) == "{\"plans\":[]}\n");
}

TEST_CASE("what was checked, in words, in brief and as JSON") {
  const std::vector<Finding> findings = {{"config", Exit::ok, "/etc/config.toml", ""},
                                         {"key", Exit::bad_config, "there is no key", "set one"},
                                         {"list", Exit::no_input, "it is not there", ""}};
  CHECK(first_wrong(findings) == Exit::bad_config);
  CHECK(first_wrong({}) == Exit::ok);
  const std::string wrong =
      "wrong  key            there is no key\n       try: set one\nwrong  list           it is not there\n";
  CHECK(check_text(findings) == "ok     config         /etc/config.toml\n" + wrong);
  CHECK(check_brief(findings) == wrong);
  CHECK(check_json(findings) ==
        R"({"exit_code":78,"checks":[{"what":"config","exit_code":0,"message":"/etc/config.toml"},)"
        R"({"what":"key","exit_code":78,"message":"there is no key"},)"
        R"({"what":"list","exit_code":66,"message":"it is not there"}]})"
        "\n");
}

TEST_CASE("a member's story, in words and as JSON") {
  CHECK(story_text("members", {some_member, {}}, some_stories()) ==
        R"(member 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9 of job members, course 42
  source line 17, chunk 3 of 100 members
  2026-11-24T12:00:00.000Z  run 1, call 5 for 100 members: no answer (no answer in time)
  2026-11-24T12:00:01.000Z  run 2, call 6 for 1 member: HTTP 201 after 250 ms
  outcome invited, asked 2 times, since 2026-11-24T12:00:02.000Z
  participant p-1, INVITED
)");
  CHECK(
      story_json("members", {some_member, {}}, some_stories()) ==
      R"({"job":"members","spot_member_id":"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9","courses":[{"course_id":"42","target":"course",)"
      R"("outcome":"invited","http_status":201,"error":null,"attempts":2,"source_line":17,"chunk_id":3,)"
      R"("chunk_size":100,"participant_id":"p-1","participant_status":"INVITED",)"
      R"("updated_at":"2026-11-24T12:00:02.000Z","calls":[)"
      R"({"call_id":5,"run_id":1,"sent_at":"2026-11-24T12:00:00.000Z","latency_ms":null,"http_status":null,)"
      R"("error":"no answer in time","members":100,"step":"invite","open":false},)"
      R"({"call_id":6,"run_id":2,"sent_at":"2026-11-24T12:00:01.000Z","latency_ms":250,"http_status":201,)"
      R"("error":null,"members":1,"step":"invite","open":false}]}]})"
      "\n");
}
