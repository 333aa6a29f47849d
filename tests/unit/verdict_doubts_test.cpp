// What may have taken effect and what has not: doubts, attempts and tries.
#include <doctest/doctest.h>

#include "api/verdict.h"
#include "judged.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("a doubt stays until a 200 or a 201 clears it") {
  Answer lost = not_answered(Answer::Reached::maybe);
  CHECK(judge(lost, chunk_of(2), judgement()).pieces[0].fate.doubt);
  for (const int status : {500, 502, 503, 504, 429}) {
    CAPTURE(status);
    Answer answer = answered(status);
    CHECK(judge(answer, chunk_of(2), judgement()).pieces[0].fate.doubt == (status != 503 && status != 429));
  }
  Chunk chunk = chunk_of(2);
  chunk.doubt = true;
  for (const int status : {400, 401, 404, 413, 429, 500, 503}) {
    CAPTURE(status);
    Answer answer = answered(status);
    for (const Piece& piece : judge(answer, chunk, judgement()).pieces) CHECK(piece.fate.doubt);
  }
  // Refused alone: were he made due again and left the list, "withdrawn" would still be a guess.
  Chunk alone = chunk_of(1);
  alone.doubt = true;
  Answer refused = answered(400);
  const Verdict rejected = judge(refused, alone, judgement());
  CHECK(rejected.pieces[0].fate.outcome == Outcome::rejected);
  CHECK(rejected.pieces[0].fate.doubt);
  Answer already = answered(200);
  CHECK_FALSE(judge(already, chunk, judgement()).pieces[0].fate.doubt);
  Answer one = answered(201, participants(members(1)));
  const Verdict verdict = judge(one, chunk, judgement());
  CHECK_FALSE(verdict.pieces[0].fate.doubt);
  CHECK(verdict.pieces[1].fate.doubt);  // of the one that it does not name
}

TEST_CASE("whether a call may have taken effect decides who is asked again, and how") {
  using Reached = Answer::Reached;
  struct Row {
    std::string what;
    Answer answer;
    bool doubtful;
  };
  for (const Row& row : std::vector<Row>{{"not sent", not_answered(Reached::no), false},
                                         {"lost on the way", not_answered(Reached::maybe), true},
                                         {"an unreadable 201", answered(201, "[{"), true},
                                         {"another 2xx", answered(202), true},
                                         {"a gateway's timeout", answered(504), true},
                                         {"a server's failure", answered(500), true},
                                         {"a bad gateway", answered(502), true},
                                         {"overload", answered(503), false},
                                         {"a redirect", answered(302), false},
                                         {"too many", answered(429), false}}) {
    CAPTURE(row.what);
    const Chunk chunk = chunk_of(3);
    for (const OnDoubt on_doubt : {OnDoubt::ask_again, OnDoubt::ask_quietly, OnDoubt::hold}) {
      Answer answer = row.answer;
      const Verdict verdict = judge(answer, chunk, judgement(on_doubt));
      check_whole(verdict, chunk);
      REQUIRE(verdict.pieces.size() == 1);
      const Fate& fate = verdict.pieces[0].fate;
      CHECK(fate.quiet == (row.doubtful && on_doubt == OnDoubt::ask_quietly));
      CHECK(fate.outcome == (row.doubtful && on_doubt == OnDoubt::hold ? Outcome::in_doubt : Outcome::pending));
      CHECK_FALSE(fate.error.empty());
      CHECK_FALSE(verdict.call_error.empty());
    }
  }
}

TEST_CASE("attempts count calls, tries those in a row without a definite answer") {
  Chunk chunk = chunk_of(2);
  chunk.attempts = 7;
  chunk.tries = 4;
  CHECK(judged(answered(503), chunk) == "2 pending 503 a8 t5 +16s | fails");
  CHECK(judged(not_answered(Answer::Reached::no), chunk) == "2 pending 0 a7 t5 +16s | fails");
  CHECK(judged(answered(201, "[]"), chunk) == "2 pending 201 a8 m1");
  CHECK(judged(answered(400), chunk) == "1 pending 400 a8, 1 pending 400 a8");
  SUBCASE("a 429 spends neither") {
    CHECK(judged(answered(429), chunk) == "2 pending 429 a7 t4 | pause refuses");
  }
  SUBCASE("a refused key spends no try") {
    CHECK(judged(answered(401), chunk) == "2 pending 401 a8 t4 | stop");
  }
  SUBCASE("the last try") {
    chunk.tries = 5;
    CHECK(judged(answered(503), chunk) == "2 failed 503 a8 t6 | fails");
    CHECK(judged(not_answered(Answer::Reached::maybe), chunk) == "2 failed 0 a8 t6 | fails");
    CHECK(judged(not_answered(Answer::Reached::maybe), chunk, judgement(OnDoubt::hold)) ==
          "2 in_doubt 0 a8 t6 | fails");
    CHECK(judged(answered(429), chunk) == "2 pending 429 a7 t5 | pause refuses");
    CHECK(judged(answered(201, "[]"), chunk) == "2 pending 201 a8 m1");
  }
  SUBCASE("one attempt only") {
    Judgement once = judgement();
    once.retry.attempts = 1;
    CHECK(judged(answered(500), chunk_of(2), once) == "2 failed 500 a1 t1 | fails");
  }
}

TEST_CASE("what was asked quietly stays quiet, and what was missing stays so until an answer says otherwise") {
  Chunk chunk = chunk_of(4);
  chunk.quiet = true;
  chunk.missing = 1;
  CHECK(judged(answered(503), chunk) == "4 pending 503 a1 t1 m1 quiet +1s | fails");
  CHECK(judged(answered(429), chunk) == "4 pending 429 a0 m1 quiet | pause refuses");
  CHECK(judged(answered(400), chunk) == "2 pending 400 a1 m1 quiet, 2 pending 400 a1 m1 quiet");
  CHECK(judged(answered(413), chunk) == "2 pending 413 a1 m1 quiet, 2 pending 413 a1 m1 quiet | shrink");
  CHECK(judged(answered(401), chunk) == "4 pending 401 a1 m1 quiet | stop");
}

TEST_CASE("an interrupted call is doubtful, and costs its chunk no try") {
  Chunk chunk = chunk_of(3);
  chunk.attempts = 5;
  chunk.tries = 5;
  chunk.missing = 1;
  CHECK(describe(judge_interrupted(chunk, judgement()), chunk) == "3 pending 0 a6 t5 m1 | fails");
  CHECK(describe(judge_interrupted(chunk, judgement(OnDoubt::ask_quietly)), chunk) ==
        "3 pending 0 a6 t5 m1 quiet | fails");
  const Verdict held = judge_interrupted(chunk, judgement(OnDoubt::hold));
  CHECK(held.pieces[0].fate.outcome == Outcome::in_doubt);
}
