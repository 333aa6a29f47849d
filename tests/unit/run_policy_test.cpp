// What a run does next, rule by rule: events in, what to do out.
#include "run/run_policy.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "members.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

using What = Next::What;

// A run by hand: calls of three members each, answered one by one.
struct Play {
  explicit Play(SendSettings settings = {}, std::int64_t due = 1000, bool ever_accepted = true)
      : policy(settings, 1, now.at) {
    policy.begin({}, due, ever_accepted);
  }

  Next next() { return policy.next(now); }
  // What `count` claimed calls of `size` members leave to do.
  Next claim(int count, std::size_t size = 3, Claims claims = {}) {
    for (int i = 0; i < count; ++i) {
      Claimed call;
      call.chunk = chunk_of(size);
      call.chunk.id = ++chunks;
      call.course_id = "c";
      call.claimed_at = now.at;
      call.is_course_accepted = is_course_accepted;
      call.pick = pick;
      seats.push_back(policy.seat(call));
      calls.push_back(call);
    }
    return policy.claimed(claims, now);
  }
  // The oldest call that is out is answered, and that is recorded.
  Verdict answer(int status, std::string body = {}, std::optional<Duration> retry_after = {}) {
    Answer answer;
    answer.reached = status == 0 ? Answer::Reached::maybe : Answer::Reached::answered;
    answer.status = status;
    answer.body = std::move(body);
    answer.error = "no answer";
    return back(std::move(answer), retry_after);
  }
  Verdict back(Answer answer, std::optional<Duration> retry_after = {}) {
    const Claimed call = calls.front();
    calls.erase(calls.begin());
    CallReport report;
    report.read_at = now.at;
    report.end.latency = 100ms;
    report.retry_after = retry_after;
    Judgement how = policy.judgement(call, now.at - 100ms, now.at);
    how.retry_after = retry_after;
    report.verdict = judge(answer, call.chunk, how);
    last = policy.answered(call, report, now);
    Recorded recorded;
    for (const Piece& piece : report.verdict.pieces) {
      if (piece.fate.outcome != Outcome::pending) counts.of(piece.fate.outcome) += piece.size_of(call.chunk);
    }
    ++counts.calls;
    recorded.counts = counts;
    policy.recorded(call, report, recorded, last);
    seats.erase(seats.begin());
    return report.verdict;
  }
  void pass(Duration time) {
    now.at += time;
    now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(time);
  }
  StoppedBy stopped_by() { return policy.end({}).by; }

  Moment now{LedgerTime(1000h), WallTime(1000h)};
  RunPolicy policy;
  std::vector<Claimed> calls;
  std::vector<Seat> seats;
  RunCounts counts;
  PutBack last = PutBack::nothing;
  ChunkId chunks = 0;
  bool is_course_accepted = true;
  Pick pick = Pick::asked_before_first;
};

Claims less(NoMore why, LedgerTime until = {}) {
  Claims claims;
  claims.no_more = why;
  claims.until = until;
  return claims;
}

SendSettings limited() {
  SendSettings settings;
  settings.calls.connections = 8;
  return settings;
}

std::string all_invited() {
  return participants(members(3));
}

}  // namespace

TEST_CASE("a job that was never accepted sends one call alone, until it is accepted") {
  Play play(limited(), 1000, false);
  CHECK(play.next().terms.most_calls == 1);
  CHECK(play.claim(1).what == What::wait);
  CHECK(play.next().what == What::wait);
  play.answer(201, all_invited());
  CHECK(play.next().terms.most_calls == 8);
}

TEST_CASE("without limits claims run ahead of the connections, and hardly where doubts are held") {
  SendSettings settings = limited();
  CHECK(Play(settings).next().terms.most_calls == 8);
  settings.limits.calls.clear();
  CHECK(Play(settings).next().terms.most_calls == 16);
  settings.invite.on_doubt = OnDoubt::hold;
  CHECK(Play(settings).next().terms.most_calls == 16);
  Play quick(settings);
  quick.claim(1);
  quick.now.at += 1ms;
  CHECK(quick.next().terms.most_calls == 15);
}

TEST_CASE("each failure halves the calls that may be out, and each answer adds a little") {
  Play play(limited());
  play.claim(8);
  for (Seat& seat : play.seats) seat.goes_out();
  CHECK_FALSE(play.policy.may_send());
  play.answer(201, all_invited());
  CHECK(play.policy.may_send());
  play.answer(500);
  CHECK(play.next().what == What::wait);
  while (play.calls.size() > 3) play.answer(201, all_invited());
  CHECK(play.next().terms.most_calls < 5);
}

TEST_CASE("what a claim came to says until when the run waits") {
  const LedgerTime later = LedgerTime(1000h) + 30s;
  struct Row {
    const char* what;
    Claims claims;
    int in_flight;
    What next;
    LedgerTime until;
  };
  for (const Row& row :
       std::vector<Row>{{"more may be claimed", {}, 3, What::claim, LedgerTime::max()},
                        {"all that may be out is", {}, 8, What::wait, LedgerTime::max()},
                        {"nothing is due, some are out", less(NoMore::nothing_due), 1, What::wait, LedgerTime::max()},
                        {"nothing is due", less(NoMore::nothing_due), 0, What::end, LedgerTime::max()},
                        {"due later", less(NoMore::due_later, later), 0, What::wait, later},
                        {"the limits hold it", less(NoMore::held, later), 1, What::wait, later},
                        {"only retries, some are out", less(NoMore::only_retries), 1, What::wait, LedgerTime::max()},
                        {"only retries", less(NoMore::only_retries), 0, What::end, LedgerTime::max()}}) {
    CAPTURE(row.what);
    Play play(limited());
    const Next next = play.claim(row.in_flight, 3, row.claims);
    CHECK(next.what == row.next);
    CHECK(next.until == row.until);
  }
}

TEST_CASE("after a pause each process wakes a little later, by chance") {
  const LedgerTime later = LedgerTime(1000h) + 30s;
  for (int draw = 0; draw < 20; ++draw) {
    Play play(limited());
    const Next next = play.claim(1, 3, less(NoMore::paused, later));
    CHECK(next.until >= later);
    CHECK(next.until <= later + 1s);
  }
}

TEST_CASE("what is held for longer than five minutes ends the run, and says until when") {
  struct Row {
    Claims claims;
    StoppedBy by;
    const char* words;
  };
  const LedgerTime later = LedgerTime(1000h) + 2h;
  Claims by_limit = less(NoMore::held, later);
  by_limit.held_by = Limit{100, 10s};
  Claims unknown = by_limit;
  unknown.is_use_unknown = true;
  for (const Row& row :
       std::vector<Row>{{by_limit, StoppedBy::quota, "the limit 100/10s is used up"},
                        {unknown, StoppedBy::quota, "the ledger was copied"},
                        {less(NoMore::paused, later), StoppedBy::rate_limited, "the API asked to wait"}}) {
    Play play(limited());
    CHECK(play.claim(1, 3, row.claims).what == What::end);
    const RunEnd end = play.policy.end({});
    CHECK(end.by == row.by);
    CHECK(end.message.starts_with(row.words));
    CHECK(*end.next_call >= play.now.wall + 2h);
  }
  Play patient(limited());
  Claims soon = by_limit;
  soon.until = patient.now.at + 5min;
  CHECK(patient.claim(1, 3, soon).what == What::wait);
}

TEST_CASE("an API that goes down is probed with one call at a time, and given up on after patience") {
  SendSettings settings = limited();
  settings.retry = {100, 500ms, 60s, 5min};
  Play play(settings);
  play.claim(8);
  play.answer(201, all_invited());
  for (int failure = 0; failure < 10; ++failure) {
    if (play.calls.empty()) play.claim(3);
    play.answer(503);
  }
  CHECK(play.last == PutBack::everything);
  while (!play.calls.empty()) play.answer(503);
  CHECK(play.policy.remarks().take().front().starts_with("the API does not answer"));
  CHECK(play.next().what == What::wait);
  play.pass(60s);
  const Next probe = play.next();
  CHECK(probe.terms.most_calls == 1);
  CHECK(probe.terms.pick == Pick::last_of_list);
  play.claim(1);
  const Verdict verdict = play.answer(503);
  CHECK(verdict.pieces.front().fate.tries == 0);
  SUBCASE("it comes back") {
    play.pass(60s);
    play.claim(1);
    play.answer(201, all_invited());
    CHECK(play.policy.remarks().take().front().starts_with("the API answers again"));
    CHECK(play.next().terms.most_calls > 1);
  }
  SUBCASE("it does not") {
    play.pass(5min);
    CHECK(play.next().what == What::end);
    CHECK(play.stopped_by() == StoppedBy::api_unavailable);
  }
}

TEST_CASE("an API that answers nothing but 429 is given up on after patience") {
  Play play(limited());
  for (int refusal = 0; refusal < 3; ++refusal) {
    play.claim(1);
    play.answer(429);
    CHECK(play.last == PutBack::everything);
    play.pass(2min);
  }
  CHECK(play.policy.remarks().take().size() == 1);
  CHECK(play.next().what == What::end);
  CHECK(play.stopped_by() == StoppedBy::api_unavailable);
}

TEST_CASE("a wait that an API asks for is kept, unless it is longer than patience") {
  Play play(limited());
  play.claim(1);
  play.answer(503, {}, 20s);
  const Next next = play.next();
  CHECK(next.what == What::wait);
  CHECK(next.until == play.now.at + 20s);
  play.pass(20s);
  play.claim(1);
  play.answer(503, {}, 1h);
  CHECK(play.next().what == What::end);
  CHECK(play.policy.end({}).message.find("it asks to wait until") != std::string::npos);
}

TEST_CASE("a canary settles exactly so many, and says so if others are due") {
  SendSettings settings = limited();
  settings.max_members = 6;
  Play play(settings);
  CHECK(play.next().terms.is_canary);
  CHECK(play.next().terms.most_members == 6);
  play.claim(1);
  CHECK(play.next().terms.most_members == 3);
  play.claim(1);
  CHECK(play.next().what == What::wait);
  play.answer(201, all_invited());
  CHECK(play.next().what == What::wait);
  play.answer(200);
  CHECK(play.next().what == What::end);
  CHECK(play.policy.is_canary_done());
  play.policy.others_are_due();
  CHECK(play.stopped_by() == StoppedBy::max_members);
}

TEST_CASE("too many failures stop the run before they are recorded: so many, or such a share of those due") {
  for (const MaxFailures most : {MaxFailures{3, 0}, MaxFailures{0, 0.003}}) {
    SendSettings settings = limited();
    settings.run.max_failures = most;
    Play play(settings);
    play.claim(4, 1);
    for (int refused = 0; refused < 3; ++refused) play.answer(400);
    CHECK(play.next().what != What::end);
    play.answer(400);
    CHECK(play.next().what == What::end);
    CHECK(play.stopped_by() == StoppedBy::max_failures);
  }
}

TEST_CASE("single members refused alike, from both ends of the list, are not to blame") {
  struct Row {
    const char* what;
    std::int64_t due;
    bool is_course_accepted;
    bool stops;
  };
  for (const Row& row : std::vector<Row>{{"a list worth it", 105, false, true},
                                         {"a short list", 104, false, false},
                                         {"of a course accepted before", 1004, true, false},
                                         {"of such a course, and longer", 1005, true, true}}) {
    CAPTURE(row.what);
    Play play(limited(), row.due, true);
    play.is_course_accepted = row.is_course_accepted;
    for (int refused = 0; refused < 5; ++refused) {
      if (play.next().terms.pick == Pick::last_of_list) play.pick = Pick::last_of_list;
      CHECK((play.pick == Pick::last_of_list) == (refused >= 3));
      play.claim(1, 1);
      play.answer(400, R"({"message":"spot member )" + member(static_cast<std::uint64_t>(refused)).text() + "\"}");
    }
    CHECK((play.stopped_by() == StoppedBy::refused_alike) == row.stops);
    CHECK(play.policy.forgives().has_value() == row.stops);
  }
}

TEST_CASE("five pages for people in a row are what answers in place of the API") {
  Play play(limited());
  play.claim(6);
  for (int page = 0; page < 4; ++page) play.answer(200, "<html>log in</html>");
  play.answer(201, all_invited());
  CHECK(play.stopped_by() == StoppedBy::nothing);
  play.claim(5);
  for (int page = 0; page < 5; ++page) play.answer(200, "<html>log in</html>");
  CHECK(play.stopped_by() == StoppedBy::misconfigured);
}

TEST_CASE("a call that is too large halves the size, and the next goes alone; too large alone is a wrong way") {
  Play play(limited());
  play.claim(3, 10);
  play.answer(413);
  CHECK(play.next().what == What::wait);
  play.answer(201, participants(members(10)));
  play.answer(201, participants(members(10)));
  CHECK(play.next().terms.largest_chunk == 5);
  CHECK(play.next().terms.most_calls > 1);
  play.claim(5, 1);
  for (int call = 0; call < 5; ++call) play.answer(413);
  CHECK(play.stopped_by() == StoppedBy::misconfigured);
  CHECK(play.policy.forgives() == Reason::too_large);
}

TEST_CASE("a course that was there is asked once more; where an answer after that says the same, it is refused") {
  Play play(limited());
  play.claim(2);
  CHECK(play.answer(404).effect == Effect::none);
  CHECK(play.answer(404).effect == Effect::none);  // it was under way at the first
  play.pass(1s);
  play.claim(1);
  CHECK(play.answer(404).effect == Effect::refuse_course);
  CHECK(play.last == PutBack::of_the_course);
  const RunEnd end = play.policy.end({{"course", "HTTP 404", 900}});
  CHECK(end.by == StoppedBy::course_refused);
}

TEST_CASE("a deadline ends the run, and the first reason to stop stays") {
  SendSettings settings = limited();
  settings.max_duration = 50min;
  Play play(settings);
  play.claim(8);
  CHECK(play.next().until == play.now.at + 50min);
  play.pass(50min);
  CHECK(play.next().what == What::end);
  play.policy.stop({StoppedBy::signal, "terminated"});
  CHECK(play.stopped_by() == StoppedBy::max_duration);
}

TEST_CASE("a seat is given back whatever becomes of its call") {
  Play play(limited());
  play.claim(2);
  CHECK(play.policy.progress().in_flight == 2);
  play.seats.front().goes_out();
  Seat moved = std::move(play.seats.front());
  play.seats.clear();
  CHECK(play.policy.progress().in_flight == 1);
  { const Seat last = std::move(moved); }
  CHECK(play.policy.progress().in_flight == 0);
}
