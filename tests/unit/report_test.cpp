// What operators and scripts read, whole, from values made by hand.
#include <doctest/doctest.h>

#include "report/books_text.h"
#include "report/check_report.h"
#include "report/next_step.h"
#include "report/outlook_text.h"
#include "report/plan_report.h"
#include "report/run_report.h"
#include "report/status_report.h"
#include "report/story_report.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

const WallTime noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 12h};

// 1,204 rows: 3 invalid, one a duplicate; of 1,200 members 1,150 are invited, 40 due, 10 rejected. One left the list.
Books some_books() {
  Books books;
  books.rows_read = 1204;
  books.invalid = 3;
  books.duplicates = 1;
  books.mended = 2;
  books.members = {40, 1150, 0, 10, 0, 0, 1};
  books.gone = {0, 0, 0, 0, 0, 0, 1};
  return books;
}

std::vector<Trouble> some_troubles() {
  return {{"rejected", Reason::refused, "unknown member", 10, "unknown member", 17},
          {"withdrawn", Reason::left_list, "", 1, "", 9},
          {"invalid", Reason::not_an_id, "", 3, "n/a\x1b[1m", 4}};
}

RunReport some_report() {
  RunReport report;
  report.job = "members";
  report.run = 7;
  report.exit = Exit::try_later;
  report.stopped_by = "quota";
  report.message = "the limit 50000/24h is used up";
  report.next_call = noon;
  report.reading.emplace();
  report.books = some_books();
  report.counts.of(Outcome::invited) = 1000;
  report.counts.calls = 11;
  report.counts.retries = 1;
  report.troubles = some_troubles();
  report.refused = {{"42", "there is no such course", 40}};
  report.retried = 5;
  report.retried_outcomes = "failed";
  report.base_url = "https://api.example";
  report.way = ", by a proxy";
  report.ledger = "/var/convoke.sqlite";
  report.is_ledger_new = true;
  report.took = 61s;
  report.next = {"convoke run members", "from noon on"};
  return report;
}

Forecast some_forecast() {
  return {250ms, 26h + 30min, {50'000, 1234}};
}

LimitsNow some_limits() {
  return {{{{100, 10s}, 100, 0, 0s}, {{50'000, 24h}, 1234, 48'766, 0s}}, noon + 10s, noon, 0};
}

LimitsNow unknown_limits() {
  return {{{{100, 10s}, 0, 0, 90s}, {{50'000, 24h}, 0, 0, 24h}}, {}, noon, 0};
}

LedgerStatus some_status() {
  JobStatus job;
  job.name = "members";
  job.origin = "/jobs/members.toml";
  job.books = some_books();
  job.books.half_read = true;
  job.troubles = some_troubles();
  job.calls_due = 1;
  job.without_answer = 100;
  job.forecast = some_forecast();
  job.last_run.emplace();
  job.last_run->run = 7;
  job.last_run->started_at = noon;
  job.last_run->ended_at = noon + 61s;
  job.last_run->exit_code = 77;
  job.last_run->stopped_by = "key_refused";
  job.last_run->message = "the API refuses the key";
  job.last_run->counts.calls = 11;
  job.last_run->counts.retries = 1;
  return {{job}, some_limits(), "/var/convoke.sqlite", "/etc/config.toml", {"https://api.example", false}};
}

Plan some_plan() {
  Plan plan;
  plan.job = "members";
  plan.api = {"https://api.example", ", by a proxy", ""};
  plan.course = "42";
  plan.invite.email_notification = true;
  plan.ledger = "/var/convoke.sqlite";
  plan.is_ledger_new = true;
  plan.survey = {Reading{1204, 3, 1, 2, 1200, 1100, 4, 6, 5}, 1140, 12, {{4, "n/a", Reason::not_an_id}}};
  plan.without_answer = 100;
  plan.limits = some_limits();
  plan.forecast = {300ms, 1200ms, {12}};
  return plan;
}

std::vector<Story> some_stories() {
  Story story;
  story.course_id = "42";
  story.outcome = "invited";
  story.http_status = 201;
  story.attempts = 2;
  story.source_line = 17;
  story.chunk = 3;
  story.chunk_size = 100;
  story.participant_id = "p-1";
  story.participant_status = "INVITED";
  story.updated_at = "2026-11-24T12:00:02.000Z";
  story.calls = {{5, 1, "2026-11-24T12:00:00.000Z", {}, {}, "no answer in time", 100, false},
                 {6, 2, "2026-11-24T12:00:01.000Z", 250, 201, "", 1, false}};
  return {story};
}

const MemberId some_member = *MemberId::parse("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");

}  // namespace

TEST_CASE("a run's report in words") {
  CHECK(
      run_report_text(some_report()) ==
      R"(members: stopped: the limit 50000/24h is used up (10 of 1,200 members are not invited, 3 rows are invalid, 40 members are due)
  rows read                  1,204
    invalid                      3
      3 × not a member id (a UUID): "n/a?[1m" (for example line 4)
      all of them: sqlite3 -readonly -box /var/convoke.sqlite 'SELECT source_line, value, reason FROM invalid_rows WHERE job = '\''members'\'''
    duplicates                   1
    mended                       2   ids in braces, without dashes, or with invisible characters
  members                    1,200
    pending                     40
    invited                  1,150   1,000 by this run
    rejected                    10
      10 × the API refuses this member: unknown member (for example line 17)
      all of them: convoke export members --outcome rejected --ledger /var/convoke.sqlite
  refused course                40   due, of 42: there is no such course
  left the list                  1   known from before, not in the list now
    withdrawn                    1
      1 × no longer in the list for this course (line 9)
      all of them: convoke export members --outcome withdrawn --ledger /var/convoke.sqlite
  retried                        5   made due again
  calls                         11   1 of them is a retry
  took 1 min 1 s
  API https://api.example, by a proxy
  ledger /var/convoke.sqlite (new)
next (from noon on): convoke run members
)");
}

TEST_CASE("a rehearsal's report, of a list that was not read again") {
  RunReport report;
  report.job = "members";
  report.run = 1;
  report.unread_why = "unchanged since the last run, not read again";
  report.books.rows_read = 1;
  report.books.members = {0, 1};
  report.base_url = "a rehearsal's sandbox";
  report.has_config = false;
  report.ledger = "/var/rehearsal";
  report.is_rehearsal = true;
  report.in_earnest = some_forecast();
  report.retried = 0;
  report.retried_outcomes = "failed, rejected";
  CHECK(run_report_text(report) == R"(a rehearsal: nobody was invited
members: a rehearsal, done
  rows read                      1   unchanged since the last run, not read again
    invalid                      0
    duplicates                   0
  members                        1
    invited                      1
  nothing to retry: nobody in the list is failed, rejected
  calls                          0
  took 0 ms
  in earnest it takes about 1 d 2 h under the limits
  API a rehearsal's sandbox; no config.toml was found, all is as it is by default
  ledger /var/rehearsal
)");
}

TEST_CASE("a run's report in brief: nothing if all is well") {
  CHECK(
      run_report_brief(some_report()) ==
      R"(members: stopped: the limit 50000/24h is used up (10 of 1,200 members are not invited, 3 rows are invalid, 40 members are due)
  10 rejected: the API refuses this member: unknown member (for example line 17)
  3 invalid: not a member id (a UUID): "n/a?[1m" (for example line 4)
next (from noon on): convoke run members
)");
  RunReport well = some_report();
  well.exit = Exit::ok;
  CHECK(run_report_brief(well).empty());
}

TEST_CASE("runs as JSON: what stopped the one that decides the exit code stopped them") {
  RunReport other = failed_report("other", Error(Exit::no_input, "there is no list", "list.csv", "make one"));
  CHECK(
      run_reports_json({other, some_report()}, Exit::try_later) ==
      R"({"exit_code":75,"stopped_by":"quota","runs":[)"
      R"({"job":"other","run_id":null,"exit_code":66,"stopped_by":"error","message":"list.csv: there is no list",)"
      R"("reason":null,"next_call":null,"next":null,"source_read":false,"rows_read":0,"invalid":0,"duplicates":0,)"
      R"("mended":0,"members":0,"gone":0,"invited":0,"already_invited":0,"rejected":0,"failed":0,"in_doubt":0,)"
      R"("outcomes":{"pending":0,"invited":0,"already_invited":0,"rejected":0,"failed":0,"in_doubt":0,"withdrawn":0},)"
      R"("in_list":{"pending":0,"invited":0,"already_invited":0,"rejected":0,"failed":0,"in_doubt":0,"withdrawn":0},)"
      R"("troubles":[],"refused_courses":[],"retried":null,"calls":0,"retries":0,"base_url":null,"ledger":null,)"
      R"("ledger_is_new":false,"rehearsal":false,"seconds":0},)"
      R"({"job":"members","run_id":7,"exit_code":75,"stopped_by":"quota","message":"the limit 50000/24h is used up",)"
      R"("reason":null,"next_call":"2026-11-24T12:00:00.000Z","next":"convoke run members","source_read":true,)"
      R"("rows_read":1204,"invalid":3,"duplicates":1,"mended":2,"members":1201,"gone":1,"invited":1000,)"
      R"("already_invited":0,"rejected":0,"failed":0,"in_doubt":0,)"
      R"("outcomes":{"pending":40,"invited":1150,"already_invited":0,"rejected":10,"failed":0,"in_doubt":0,"withdrawn":1},)"
      R"("in_list":{"pending":40,"invited":1150,"already_invited":0,"rejected":10,"failed":0,"in_doubt":0,"withdrawn":0},)"
      R"("troubles":[{"outcome":"rejected","reason":"refused","count":10,"source_line":17,"example":"unknown member"},)"
      R"({"outcome":"withdrawn","reason":"left_list","count":1,"source_line":9,"example":""},)"
      R"({"outcome":"invalid","reason":"not_an_id","count":3,"source_line":4,"example":"n/a?[1m"}],)"
      R"("refused_courses":[{"course_id":"42","members":40,"message":"there is no such course"}],"retried":5,)"
      R"("calls":11,"retries":1,"base_url":"https://api.example","ledger":"/var/convoke.sqlite",)"
      R"("ledger_is_new":true,"rehearsal":false,"seconds":61}]})"
      "\n");
}

TEST_CASE("what to do next follows from how the run ended") {
  struct Case {
    Exit exit;
    std::string stopped_by;
    Outcome left;  // one member of the list is
    std::string command, when;
  };
  const std::string run = "convoke run members --ledger x";
  const std::string retry = "convoke retry members --ledger x --outcome ";
  const std::vector<Case> cases = {
      {Exit::ok, "", Outcome::invited, "", ""},
      {Exit::incomplete, "", Outcome::failed, run, ""},
      {Exit::incomplete, "", Outcome::in_doubt, retry + "in_doubt", ""},
      {Exit::incomplete, "", Outcome::rejected, "convoke export members --outcome rejected --ledger /l", ""},
      {Exit::incomplete, "max_failures", Outcome::failed, run, "once that is mended"},
      {Exit::try_later, "signal", Outcome::pending, run, ""},
      {Exit::bad_config, "misconfigured", Outcome::pending, run, "once that is mended"},
      {Exit::bad_config, "misconfigured", Outcome::in_doubt, retry + "in_doubt", "once that is mended"},
      {Exit::api_unavailable, "api_unavailable", Outcome::pending, run, "later"},
      {Exit::key_refused, "key_refused", Outcome::pending, run, "with the right key"},
      {Exit::bad_source, "error", Outcome::pending, "", ""},
  };
  const CommandLine given{"convoke retry", " members", " --ledger x"};
  for (const Case& expected : cases) {
    RunReport report;
    report.job = "members";
    report.run = 1;
    report.ledger = "/l";
    report.exit = expected.exit;
    report.stopped_by = expected.stopped_by;
    report.books.members[static_cast<std::size_t>(expected.left)] = 1;
    const NextStep next = next_step(report, given, {});
    CAPTURE(expected.stopped_by);
    CHECK(next.command == expected.command);
    CHECK(next.when == expected.when);
  }
  RunReport busy;
  busy.exit = Exit::try_later;
  CHECK(next_step(busy, given, {}).command == "convoke retry members --ledger x");
  CHECK(next_step(busy, {"convoke run", " --csv -", ""}, {}).command.empty());
  RunReport failed;
  failed.run = 1;
  failed.exit = Exit::incomplete;
  failed.books.members[static_cast<std::size_t>(Outcome::failed)] = 1;
  RunSettings settings;
  settings.retry_failed = false;
  CHECK(next_step(failed, given, settings).command == retry + "failed");
}

TEST_CASE("of several jobs, which ended how") {
  RunReport well;
  well.job = "one";
  const RunReport bad = failed_report("two", Error(Exit::disk, "full"));
  const RunReport not_run = not_run_report("three");
  CHECK(closing_line({well, bad, not_run}) == "of 3 jobs, 1 ended well: two (exit 74), three (not run)\n");
  CHECK(closing_line({bad, not_run}) == "of 2 jobs, none ended well: two (exit 74), three (not run)\n");
  CHECK(closing_line({bad}).empty());
  CHECK(closing_line({well, well}).empty());
  CHECK(not_run_line({well, not_run, not_run}) == "not run: three, three\n");
  CHECK(not_run_line({well, bad}).empty());
}

TEST_CASE("one line on how a run stands") {
  Progress progress;
  progress.due_at_start = 10'000;
  CHECK(progress_line(progress, 0s) == "0 of 10,000 settled, 0 calls, 0 in flight");
  progress.in_flight = 8;
  progress.counts.of(Outcome::invited) = 2480;
  progress.counts.of(Outcome::rejected) = 20;
  progress.counts.calls = 26;
  progress.counts.retries = 1;
  CHECK(progress_line(progress, 10s) ==
        "2,500 of 10,000 settled, 20 rejected or failed, 26 calls (1 retry), 8 in flight, about 30 s left");
}

TEST_CASE("what the limits leave, in words and as JSON") {
  CHECK(limits_text(some_limits()) == R"(  limit 100/10s                100 used, 0 left
  limit 50000/24h            1,234 used, 48,766 left
  the next call may go at 2026-11-24T12:00:10.000Z
)");
  CHECK(limits_json(some_limits()).text() ==
        R"({"limits":[{"limit":"100/10s","used":100,"left":0},{"limit":"50000/24h","used":1234,"left":48766}],)"
        R"("next_call":"2026-11-24T12:00:10.000Z","unknown_until":null})");
  CHECK(limits_text(unknown_limits()) ==
        R"(  limit 100/10s      what is used is not known until 2026-11-24T12:01:30.000Z
  limit 50000/24h    what is used is not known until 2026-11-25T12:00:00.000Z
  the ledger was copied, or moved without its -calls file; if you know how many calls of the longest limit are used, say so, once: convoke run JOB --assume-used N
)");
  CHECK(limits_json(unknown_limits()).text() ==
        R"({"limits":[{"limit":"100/10s","used":0,"left":0},{"limit":"50000/24h","used":0,"left":0}],)"
        R"("next_call":null,"unknown_until":"2026-11-25T12:00:00.000Z"})");
  CHECK(limits_text({{}, {}, noon, 0}) == "  no limits are set\n");
  CHECK(forecast_text({}) == "nothing to send");
  CHECK(forecast_text(some_forecast()) ==
        "about 1 d 2 h under the limits at 250 ms a call: 50,000 calls on day 1, 1,234 calls on day 2");
  CHECK(forecast_json({300ms, 250ms, {1}}).text() == R"({"seconds":0.25,"calls_by_day":[1]})");
}

TEST_CASE("where jobs stand, in words") {
  CHECK(status_text(some_status()) == R"(members
  rows read                  1,204
    invalid                      3
      3 × not a member id (a UUID): "n/a?[1m" (for example line 4)
      all of them: sqlite3 -readonly -box /var/convoke.sqlite 'SELECT source_line, value, reason FROM invalid_rows WHERE job = '\''members'\'''
    duplicates                   1
    mended                       2
  members                    1,200
    pending                     40   1 call, about 1 d 2 h under the limits at 250 ms a call: 50,000 calls on day 1, 1,234 calls on day 2
    invited                  1,150
    rejected                    10
      10 × the API refuses this member: unknown member (for example line 17)
      all of them: convoke export members --outcome rejected --ledger /var/convoke.sqlite
  left the list                  1   known from before, not in the list now
    withdrawn                    1
      1 × no longer in the list for this course (line 9)
      all of them: convoke export members --outcome withdrawn --ledger /var/convoke.sqlite
  without answer               100   asked for in calls that convoke did not live to see answered
  the list was not read to its end: the next run reads it again
  run 7 started 2026-11-24T12:00:00.000Z ended 2026-11-24T12:01:01.000Z with exit 77, stopped by key_refused: 11 calls, 1 retried
    the API refuses the key
ledger /var/convoke.sqlite, of https://api.example
limits
  limit 100/10s                100 used, 0 left
  limit 50000/24h            1,234 used, 48,766 left
  the next call may go at 2026-11-24T12:00:10.000Z
next (once that is mended): convoke run /jobs/members.toml --config /etc/config.toml --ledger /var/convoke.sqlite
)");
  CHECK(status_text({{}, {}, "/l", "", {}}) ==
        "no job was run on this ledger yet\nledger /l\nlimits\n  no limits are set\n");
}

TEST_CASE("where jobs stand: of a list without a job file, and of runs that did not end") {
  LedgerStatus status{{JobStatus{}}, {}, "/l", "", {}};
  JobStatus& job = status.jobs.front();
  job.name = "list@42";
  job.origin = "/lists/list.csv";
  job.books.members = {1};
  job.last_run.emplace();
  job.last_run->run = 1;
  job.last_run->started_at = noon;
  const std::string books = R"(list@42
  rows read                      0
    invalid                      0
    duplicates                   0
  members                        1
    pending                      1   0 calls, nothing to send
    invited                      0
  run 1 started 2026-11-24T12:00:00.000Z )";
  const std::string rest = ": 0 calls\nledger /l\nlimits\n  no limits are set\n";
  CHECK(status_text(status) ==
        books + "was killed" + rest +
            "next: run list@42 again, with the options it was run with: convoke run --csv /lists/list.csv … --ledger "
            "/l\n");
  job.is_running = true;
  CHECK(status_text(status) == books + "is running" + rest);
}

TEST_CASE("where jobs stand, as JSON") {
  CHECK(
      status_json(some_status()) ==
      R"({"ledger":"/var/convoke.sqlite","base_url":"https://api.example","jobs":[{"job":"members",)"
      R"("rows_read":1204,"invalid":3,"duplicates":1,"mended":2,"members":1201,"gone":1,)"
      R"("outcomes":{"pending":40,"invited":1150,"already_invited":0,"rejected":10,"failed":0,"in_doubt":0,"withdrawn":1},)"
      R"("in_list":{"pending":40,"invited":1150,"already_invited":0,"rejected":10,"failed":0,"in_doubt":0,"withdrawn":0},)"
      R"("troubles":[{"outcome":"rejected","reason":"refused","count":10,"source_line":17,"example":"unknown member"},)"
      R"({"outcome":"withdrawn","reason":"left_list","count":1,"source_line":9,"example":""},)"
      R"({"outcome":"invalid","reason":"not_an_id","count":3,"source_line":4,"example":"n/a?[1m"}],)"
      R"("asked_without_answer":100,"calls_due":1,"forecast":{"seconds":95400,"calls_by_day":[50000,1234]},)"
      R"("last_run":{"run_id":7,"started_at":"2026-11-24T12:00:00.000Z","ended_at":"2026-11-24T12:01:01.000Z",)"
      R"("exit_code":77,"stopped_by":"key_refused","message":"the API refuses the key","running":false,"calls":11,)"
      R"("retries":1}}],"quota":{"limits":[{"limit":"100/10s","used":100,"left":0},)"
      R"({"limit":"50000/24h","used":1234,"left":48766}],"next_call":"2026-11-24T12:00:10.000Z",)"
      R"("unknown_until":null}})"
      "\n");
  CHECK(status_json({{}, {}, "/l", "", {}}) ==
        R"({"ledger":"/l","base_url":null,"jobs":[],"quota":{"limits":[],"next_call":null,"unknown_until":null}})"
        "\n");
}

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
  CHECK(plans_json({some_plan()}) ==
        R"({"plans":[{"job":"members","base_url":"https://api.example","course":"42","email_notification":true,)"
        R"("on_doubt":"ask-again","has_key":true,"ledger":"/var/convoke.sqlite","source_read":true,"rows_read":1204,)"
        R"("invalid":3,"duplicates":1,"mended":2,"members":1200,"new":1100,"revived":4,"withdrawn":5,"due":1140,)"
        R"("asked_without_answer":100,"calls":12,)"
        R"("invalid_rows":[{"source_line":4,"value":"n/a","reason":"not_an_id"}],)"
        R"("forecast":{"seconds":1.2,"calls_by_day":[12]},"quota":{"limits":[{"limit":"100/10s","used":100,"left":0},)"
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

TEST_CASE("how long ago a run ended well, and what a ledger makes of its limits") {
  CHECK(success_words(noon, 26h) == "the last run that ended with 0 was 1 d 2 h ago (2026-11-24T12:00:00.000Z)");
  CHECK(no_success_words({}) == "no run of this job has ended with 0 yet");
  CHECK(no_success_words(some_status().jobs[0].last_run) ==
        "no run of this job has ended with 0 yet; the last one ended with 77 at 2026-11-24T12:01:01.000Z: the API "
        "refuses the key");
  CHECK(remark_on_calls(some_limits()).empty());
  LimitsNow restored = some_limits();
  restored.forgotten = 3;
  CHECK(remark_on_calls(restored) ==
        ", restored from a backup: it has forgotten calls, which the next run counts in the limits");
  CHECK(remark_on_calls(unknown_limits()) ==
        ", copied or moved without its -calls file: what is used of the limits is not known (convoke status)");
}

TEST_CASE("a member's story, in words and as JSON") {
  CHECK(story_text("members", some_member, some_stories()) ==
        R"(member 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9 of job members, course 42
  source line 17, chunk 3 of 100 members
  2026-11-24T12:00:00.000Z  run 1, call 5 for 100 members: no answer (no answer in time)
  2026-11-24T12:00:01.000Z  run 2, call 6 for 1 member: HTTP 201 after 250 ms
  outcome invited, asked 2 times, since 2026-11-24T12:00:02.000Z
  participant p-1, INVITED
)");
  CHECK(story_json("members", some_member, some_stories()) ==
        R"({"job":"members","spot_member_id":"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9","courses":[{"course_id":"42",)"
        R"("outcome":"invited","http_status":201,"error":null,"attempts":2,"source_line":17,"chunk_id":3,)"
        R"("chunk_size":100,"participant_id":"p-1","participant_status":"INVITED",)"
        R"("updated_at":"2026-11-24T12:00:02.000Z","calls":[)"
        R"({"call_id":5,"run_id":1,"sent_at":"2026-11-24T12:00:00.000Z","latency_ms":null,"http_status":null,)"
        R"("error":"no answer in time","members":100,"open":false},)"
        R"({"call_id":6,"run_id":2,"sent_at":"2026-11-24T12:00:01.000Z","latency_ms":250,"http_status":201,)"
        R"("error":null,"members":1,"open":false}]}]})"
        "\n");
}

TEST_CASE("how all of an outcome are listed, also of a job whose name is awkward") {
  CHECK(listing_command("it's", "/l", "rejected") == R"(convoke export 'it'\''s' --outcome rejected --ledger /l)");
  CHECK(invalid_rows_query("it's") == "SELECT source_line, value, reason FROM invalid_rows WHERE job = 'it''s'");
}
