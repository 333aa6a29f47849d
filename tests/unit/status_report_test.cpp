// What operators and scripts read of where jobs and limits stand, whole, from values made by hand.
#include "report/status_report.h"

#include <doctest/doctest.h>

#include "report/check_report.h"
#include "report_values.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

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

}  // namespace

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
      1 × no longer in the list for this target (line 9)
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
      R"("rows_read":1204,"invalid":3,"duplicates":1,"unknown":0,"mended":2,"members":1201,"gone":1,)"
      R"("outcomes":{"pending":40,"invited":1150,"already_invited":0,"rejected":10,"failed":0,"in_doubt":0,"withdrawn":1,)"
      R"("unknown":0},)"
      R"("in_list":{"pending":40,"invited":1150,"already_invited":0,"rejected":10,"failed":0,"in_doubt":0,"withdrawn":0,)"
      R"("unknown":0},)"
      R"("troubles":[{"outcome":"rejected","reason":"refused","count":10,"source_line":17,"example":"unknown member"},)"
      R"({"outcome":"withdrawn","reason":"left_list","count":1,"source_line":9,"example":""},)"
      R"({"outcome":"invalid","reason":"not_an_id","count":3,"source_line":4,"example":"n/a?[1m"}],)"
      R"("asked_without_answer":100,"calls_due":1,"forecast":{"seconds":95400,"calls_by_day":[50000,1234]},)"
      R"("last_run":{"run_id":7,"started_at":"2026-11-24T12:00:00.000Z","ended_at":"2026-11-24T12:01:01.000Z",)"
      R"("exit_code":77,"stopped_by":"key_refused","message":"the API refuses the key","running":false,"calls":11,)"
      R"("retries":1},"last_verify":null}],"quota":{"limits":[{"limit":"100/10s","used":100,"left":0},)"
      R"({"limit":"50000/24h","used":1234,"left":48766}],"next_call":"2026-11-24T12:00:10.000Z",)"
      R"("unknown_until":null}})"
      "\n");
  CHECK(status_json({{}, {}, "/l", "", {}}) ==
        R"({"ledger":"/l","base_url":null,"jobs":[],"quota":{"limits":[],"next_call":null,"unknown_until":null}})"
        "\n");
}

TEST_CASE("what a verification came to stands beside the last run") {
  LedgerStatus status = some_status();
  RunRecord& verify = status.jobs[0].last_verify.emplace();
  verify.run = 9;
  verify.command = "verify";
  verify.started_at = noon;
  verify.ended_at = noon + 1s;
  verify.exit_code = 1;
  verify.message = "7 as the ledger says";
  CHECK(status_text(status).find("  verify 9 started 2026-11-24T12:00:00.000Z ended 2026-11-24T12:00:01.000Z with exit "
                                 "1: 0 calls\n    7 as the ledger says\n") != std::string::npos);
  CHECK(status_json(status).find(R"("last_verify":{"run_id":9,)") != std::string::npos);
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
