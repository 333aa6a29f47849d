// What each answer means, as one table, and what its verdict does beside its members.
#include "api/verdict.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "judged.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("every status has its verdict") {
  struct Row {
    int status;
    std::string body;
    std::string expected;  // of a chunk of three, asked for the first time
  };
  const std::string all = participants(members(3));
  const std::string halves = "2 pending {0} a1, 1 pending {0} a1";
  const std::string retried = "3 pending {0} a1 t1 +1s | fails";
  const std::string in_doubt = "3 pending {0} a1 t1 +1s";
  for (const Row& row : std::vector<Row>{{200, "", "3 already_invited 200 a1"},
                                         {200, "[]", "3 already_invited 200 a1"},
                                         {200, "<html>", retried},
                                         {200, std::string(100, ' ') + "<html>", retried},
                                         {200, std::string(200, ' '), "3 already_invited 200 a1"},
                                         {200, "{\"failedSpotMemberIds\":[]}", in_doubt + " | alarm"},
                                         {200, " {} ", "3 already_invited 200 a1"},
                                         {201, all, "3 invited 201 a1"},
                                         {202, "", in_doubt + " | alarm"},
                                         {202, all, in_doubt + " | alarm"},
                                         {204, "", "3 already_invited 204 a1"},
                                         {206, all, in_doubt + " | alarm"},
                                         {100, "", in_doubt + " | alarm"},
                                         {101, "", in_doubt + " | alarm"},
                                         {199, "", in_doubt + " | alarm"},
                                         {301, "", "3 pending 301 a1 | stop"},
                                         {302, all, "3 pending 302 a1 | stop"},
                                         {304, "", "3 pending 304 a1 | stop"},
                                         {307, "", "3 pending 307 a1 | stop"},
                                         {308, "", "3 pending 308 a1 | stop"},
                                         {400, R"({"message":"bad"})", halves},
                                         {400, "", halves},
                                         {401, "", "3 pending 401 a1 | stop"},
                                         {402, "", "3 pending 402 a1 | stop"},
                                         {403, "<html>no</html>", "3 pending 403 a1 | stop"},
                                         {407, "", "3 pending 407 a1 | stop"},
                                         {410, "", "3 pending 410 a1 | refuse_target"},
                                         {404, R"({"message":"no course"})", "3 pending 404 a1 | refuse_target"},
                                         {405, "", retried},
                                         {408, "", retried},
                                         {409, "", retried},
                                         {413, "", "2 pending 413 a1, 1 pending 413 a1 | shrink"},
                                         {415, "", retried},
                                         {422, "", halves},
                                         {429, "", "3 pending 429 a0 | pause refuses"},
                                         {499, "", retried},
                                         {500, "", in_doubt},
                                         {501, "", in_doubt},
                                         {201, "[{}, {}]", in_doubt + " | alarm"},
                                         {502, "<html>bad gateway</html>", in_doubt},
                                         {503, "", retried},
                                         {504, "", in_doubt},
                                         {599, "", in_doubt}}) {
    CAPTURE(row.status);
    CAPTURE(row.body);
    std::string expected = fmt::format(fmt::runtime(row.expected), row.status);
    std::string got = judged(answered(row.status, row.body));
    // Whether a sign of trouble or not: what is in doubt stays as it is.
    if (row.expected == in_doubt && got.ends_with(" | fails")) got.resize(got.size() - 8);
    CHECK(got == expected);
  }
}

TEST_CASE("what only a change of config mends stops the run, is called by its word, and costs nobody anything") {
  struct Row {
    Answer answer;
    Reason reason;
  };
  const auto on_the_way = [](Reason reason) {
    Answer answer = not_answered(Answer::Reached::no);
    answer.reason = reason;
    return answer;
  };
  for (const Row& row :
       {Row{answered(401), Reason::key_refused}, Row{answered(402), Reason::account_refused},
        Row{answered(407), Reason::proxy_refused}, Row{answered(302), Reason::redirect},
        Row{on_the_way(Reason::certificate), Reason::certificate},
        Row{on_the_way(Reason::unknown_host), Reason::unknown_host}, Row{on_the_way(Reason::not_tls), Reason::not_tls},
        Row{on_the_way(Reason::tls_expected), Reason::tls_expected}}) {
    CAPTURE(name_of(row.reason));
    Chunk chunk = chunk_of(3);
    chunk.tries = 5;
    Answer answer = row.answer;
    const Verdict verdict = judge(answer, chunk, judgement());
    CHECK(verdict.effect == Effect::stop);
    CHECK(verdict.reason == row.reason);
    REQUIRE(verdict.pieces.size() == 1);
    CHECK(verdict.pieces[0].fate.outcome == Outcome::pending);
    CHECK(verdict.pieces[0].fate.tries == 5);
    CHECK(verdict.pieces[0].fate.attempts == (answer.reached == Answer::Reached::answered ? 1 : 0));
  }
}

TEST_CASE("a page in place of the first answer is no answer of the API's: nobody was asked") {
  for (const OnDoubt on_doubt : {OnDoubt::ask_again, OnDoubt::ask_quietly, OnDoubt::hold}) {
    Judgement by = judgement(on_doubt);
    by.ever_accepted = false;
    Answer answer = answered(200, "<html>sign in</html>");
    const Verdict verdict = judge(answer, chunk_of(3), by);
    CHECK(verdict.effect == Effect::stop);
    CHECK(verdict.reason == Reason::login_page);
    CHECK_FALSE(verdict.pieces[0].fate.doubt);
    CHECK(verdict.pieces[0].fate.outcome == Outcome::pending);
    // Nor does a front's 400 (it wants a certificate, say) narrow down to anybody.
    Answer front = answered(400, "<html>No required SSL certificate was sent</html>");
    const Verdict of_front = judge(front, chunk_of(1), by);
    CHECK(of_front.effect == Effect::stop);
    CHECK(of_front.pieces[0].fate.outcome == Outcome::pending);
  }
}

TEST_CASE("a 201 that cannot be understood, before the API accepted anything, stops the run; later it is doubt") {
  for (const auto& row : {std::pair(201, "<html>created</html>"), std::pair(201, "[{"), std::pair(202, "")}) {
    const auto& status = row.first;  // clang 14 lets no lambda capture a structured binding, and CAPTURE is one
    const auto& body = row.second;
    CAPTURE(status);
    CAPTURE(body);
    for (const OnDoubt on_doubt : {OnDoubt::ask_again, OnDoubt::ask_quietly, OnDoubt::hold}) {
      Judgement by = judgement(on_doubt);
      by.ever_accepted = false;
      Chunk chunk = chunk_of(3);
      chunk.tries = 5;
      Answer answer = answered(status, body);
      const Verdict verdict = judge(answer, chunk, by);
      CHECK(verdict.effect == Effect::stop);
      CHECK(verdict.reason == Reason::odd_answer);
      CHECK_FALSE(verdict.accepted);
      const Fate& fate = verdict.pieces[0].fate;
      CHECK(fate.doubt);  // nobody can be sure
      CHECK(fate.quiet == (on_doubt == OnDoubt::ask_quietly));
      CHECK(fate.outcome == (on_doubt == OnDoubt::hold ? Outcome::in_doubt : Outcome::pending));
      by.ever_accepted = true;
      answer = answered(status, body);
      CHECK(judge(answer, chunk, by).effect == Effect::none);
    }
  }
}

TEST_CASE("a call was accepted if the API invited or had invited, and by no other answer") {
  const auto is_accepted = [](Answer answer) { return judge(answer, chunk_of(3), judgement()).accepted; };
  CHECK(is_accepted(answered(200)));
  CHECK(is_accepted(answered(204)));
  CHECK(is_accepted(answered(201, participants(members(3)))));
  for (const int status : {202, 302, 400, 401, 404, 413, 429, 500, 503}) {
    CAPTURE(status);
    CHECK_FALSE(is_accepted(answered(status)));
  }
}

TEST_CASE("a 503 that says how long is waited for by all") {
  Judgement told = judgement();
  told.retry_after = 8s;
  Chunk chunk = chunk_of(3);
  chunk.tries = 5;
  CHECK(judged(answered(503), chunk, told) == "3 failed 503 a1 t6 | pause fails");
  chunk.tries = 2;
  CHECK(judged(answered(503), chunk, told) == "3 pending 503 a1 t3 +8s | pause fails");
  chunk.tries = 5;
  CHECK(judged(answered(500), chunk, told) == "3 failed 500 a1 t6 | fails");
}

TEST_CASE("a call of one that is too large, before anything was accepted, speaks of the way and not of the member") {
  Judgement first = judgement();
  first.ever_accepted = false;
  CHECK(judged(answered(413), chunk_of(1), first) == "1 pending 413 a1 | stop");
  CHECK(judged(answered(413), chunk_of(1)) == "1 rejected 413 a1");
  CHECK(judged(answered(413), chunk_of(2), first) == "1 pending 413 a1, 1 pending 413 a1 | shrink");
}

TEST_CASE("a status that the API does not answer with, as the first answer of all, is not the API's") {
  Judgement first = judgement();
  first.ever_accepted = false;
  for (const int status : {405, 406, 415, 418, 421}) {
    CAPTURE(status);
    CHECK(judged(answered(status), chunk_of(3), first) == fmt::format("3 pending {} a1 | stop", status));
    CHECK(judged(answered(status), chunk_of(3)) == fmt::format("3 pending {} a1 t1 +1s | fails", status));
  }
}

TEST_CASE("the words of an answer are kept short and printable, and name the status") {
  const auto error_of = [](int status, const std::string& body) {
    Answer answer = answered(status, body);
    return judge(answer, chunk_of(1), judgement()).pieces[0].fate.error;
  };
  CHECK(error_of(400, R"({"message":"bad id"})") == "HTTP 400: bad id");
  CHECK(error_of(400, "") == "HTTP 400");
  CHECK(error_of(404, "{\"message\":\"no\\u001b[31m course\"}") == "HTTP 404: no?[31m course");
  CHECK(error_of(500, std::string(100'000, 'x')).size() < 300);
  CHECK(error_of(302, "") == "HTTP 302: a redirect");
  CHECK(error_of(201, "x").find("201") != std::string::npos);
}

TEST_CASE("a wait doubles up to the longest, and chance spreads it down to nothing") {
  const RetrySettings retry{6, 500ms, 60s, 5min};
  CHECK(back_off(retry, 1, 0.0) == 0ms);
  CHECK(back_off(retry, 1, 0.5) == 250ms);
  for (int tries = 1; tries <= 1000; ++tries) {
    const Duration most = back_off(retry, tries, 0.999999);
    const Duration bound = tries > 7 ? Duration(60s) : std::min<Duration>(60s, 500ms * (1 << (tries - 1)));
    CHECK(most <= bound);
    CHECK(most >= bound * 99 / 100);
    CHECK(back_off(retry, tries, 0.0) == 0ms);
  }
  CHECK(back_off({6, 0ms, 60s, 5min}, 5, 0.9) == 0ms);
}
