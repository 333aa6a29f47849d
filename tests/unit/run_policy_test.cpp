// What a run does next, rule by rule: events in, what to do out.
#include "run/run_policy.h"

#include <doctest/doctest.h>

#include "play.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

using What = Next::What;

Claims less(NoMore why, LedgerTime until = {}) {
  Claims claims;
  claims.no_more = why;
  claims.until = until;
  return claims;
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
