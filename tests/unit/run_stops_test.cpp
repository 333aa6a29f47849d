// What makes a run slow down, wait and give up: answers in, what to do out.
#include <doctest/doctest.h>

#include "play.h"
#include "run/run_policy.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

using What = Next::What;

}  // namespace

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
    bool is_target_accepted;
    bool stops;
  };
  for (const Row& row : std::vector<Row>{{"a list worth it", 105, false, true},
                                         {"a short list", 104, false, false},
                                         {"of a course accepted before", 1004, true, false},
                                         {"of such a course, and longer", 1005, true, true}}) {
    CAPTURE(row.what);
    Play play(limited(), row.due, true);
    play.is_target_accepted = row.is_target_accepted;
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
  CHECK(play.answer(404).effect == Effect::refuse_target);
  CHECK(play.last == PutBack::of_the_target);
  const RunEnd end = play.policy.end({{{TargetKind::course, "course"}, "HTTP 404", 900}});
  CHECK(end.by == StoppedBy::course_refused);
}
