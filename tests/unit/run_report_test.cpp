// What operators and scripts read of runs, whole, from values made by hand.
#include "report/run_report.h"

#include <doctest/doctest.h>

#include "report/next_step.h"
#include "report_values.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

RunReport some_report() {
  RunReport report;
  report.job = "members";
  report.run = 7;
  report.exit = Exit::try_later;
  report.end.by = StoppedBy::quota;
  report.end.message = "the limit 50000/24h is used up";
  report.end.next_call = noon;
  report.list.reading.emplace();
  report.books = some_books();
  report.counts.of(Outcome::invited) = 1000;
  report.counts.calls = 11;
  report.counts.retries = 1;
  report.troubles = some_troubles();
  report.end.refused = {{{TargetKind::course, "42"}, "there is no such course", 40}};
  report.list.retried = 5;
  report.list.retried_outcomes = "failed";
  report.place.base_url = "https://api.example";
  report.place.way = ", by a proxy";
  report.place.ledger = "/var/convoke.sqlite";
  report.place.is_ledger_new = true;
  report.took = 61s;
  report.next = {"convoke run members", "from noon on"};
  return report;
}

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
      1 × no longer in the list for this target (line 9)
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
  report.list.unread_why = "unchanged since the last run, not read again";
  report.books.rows_read = 1;
  report.books.members = {0, 1};
  report.place.base_url = "a rehearsal's sandbox";
  report.place.has_config = false;
  report.place.ledger = "/var/rehearsal";
  report.place.is_rehearsal = true;
  report.in_earnest = some_forecast();
  report.list.retried = 0;
  report.list.retried_outcomes = "failed, rejected";
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
      R"("reason":null,"next_call":null,"next":null,"source_read":false,"rows_read":0,"invalid":0,"duplicates":0,"unknown":0,)"
      R"("mended":0,"members":0,"gone":0,"invited":0,"already_invited":0,"rejected":0,"failed":0,"in_doubt":0,)"
      R"("outcomes":{"pending":0,"invited":0,"already_invited":0,"rejected":0,"failed":0,"in_doubt":0,"withdrawn":0,)"
      R"("unknown":0},)"
      R"("in_list":{"pending":0,"invited":0,"already_invited":0,"rejected":0,"failed":0,"in_doubt":0,"withdrawn":0,)"
      R"("unknown":0},)"
      R"("troubles":[],"refused_courses":[],"retried":null,"calls":0,"retries":0,"base_url":null,"ledger":null,)"
      R"("ledger_is_new":false,"rehearsal":false,"seconds":0},)"
      R"({"job":"members","run_id":7,"exit_code":75,"stopped_by":"quota","message":"the limit 50000/24h is used up",)"
      R"("reason":null,"next_call":"2026-11-24T12:00:00.000Z","next":"convoke run members","source_read":true,)"
      R"("rows_read":1204,"invalid":3,"duplicates":1,"unknown":0,"mended":2,"members":1201,"gone":1,"invited":1000,)"
      R"("already_invited":0,"rejected":0,"failed":0,"in_doubt":0,)"
      R"("outcomes":{"pending":40,"invited":1150,"already_invited":0,"rejected":10,"failed":0,"in_doubt":0,"withdrawn":1,)"
      R"("unknown":0},)"
      R"("in_list":{"pending":40,"invited":1150,"already_invited":0,"rejected":10,"failed":0,"in_doubt":0,"withdrawn":0,)"
      R"("unknown":0},)"
      R"("troubles":[{"outcome":"rejected","reason":"refused","count":10,"source_line":17,"example":"unknown member"},)"
      R"({"outcome":"withdrawn","reason":"left_list","count":1,"source_line":9,"example":""},)"
      R"({"outcome":"invalid","reason":"not_an_id","count":3,"source_line":4,"example":"n/a?[1m"}],)"
      R"("refused_courses":[{"course_id":"42","members":40,"message":"there is no such course","target":"course"}],"retried":5,)"
      R"("calls":11,"retries":1,"base_url":"https://api.example","ledger":"/var/convoke.sqlite",)"
      R"("ledger_is_new":true,"rehearsal":false,"seconds":61}]})"
      "\n");
}

TEST_CASE("what to do next follows from how the run ended") {
  struct Case {
    Exit exit;
    StoppedBy by;
    Outcome left;  // one member of the list is
    std::string command, when;
  };
  const std::string run = "convoke run members --ledger x";
  const std::string retry = "convoke retry members --ledger x --outcome ";
  const std::vector<Case> cases = {
      {Exit::ok, StoppedBy::nothing, Outcome::invited, "", ""},
      {Exit::incomplete, StoppedBy::nothing, Outcome::failed, run, ""},
      {Exit::incomplete, StoppedBy::nothing, Outcome::in_doubt, retry + "in_doubt", ""},
      {Exit::incomplete, StoppedBy::nothing, Outcome::rejected, "convoke export members --outcome rejected --ledger /l",
       ""},
      {Exit::incomplete, StoppedBy::max_failures, Outcome::failed, run, "once that is mended"},
      {Exit::try_later, StoppedBy::signal, Outcome::pending, run, ""},
      {Exit::bad_config, StoppedBy::misconfigured, Outcome::pending, run, "once that is mended"},
      {Exit::bad_config, StoppedBy::misconfigured, Outcome::in_doubt, retry + "in_doubt", "once that is mended"},
      {Exit::api_unavailable, StoppedBy::api_unavailable, Outcome::pending, run, "later"},
      {Exit::key_refused, StoppedBy::key_refused, Outcome::pending, run, "with the right key"},
      {Exit::bad_source, StoppedBy::error, Outcome::pending, "", ""},
  };
  const CommandLine given{"convoke retry", " members", " --ledger x"};
  for (const Case& expected : cases) {
    RunReport report;
    report.job = "members";
    report.run = 1;
    report.place.ledger = "/l";
    report.exit = expected.exit;
    report.end.by = expected.by;
    report.books.members[static_cast<std::size_t>(expected.left)] = 1;
    const NextStep next = next_step(report, given, {});
    CAPTURE(name_of(expected.by));
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

TEST_CASE("how all of an outcome are listed, also of a job whose name is awkward") {
  CHECK(listing_command("it's", "/l", "rejected") == R"(convoke export 'it'\''s' --outcome rejected --ledger /l)");
  CHECK(invalid_rows_query("it's") == "SELECT source_line, value, reason FROM invalid_rows WHERE job = 'it''s'");
}
