// What each answer means, as one table, and what follows from it when a list is played through.
#include "api/verdict.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "members.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

const LedgerTime answered_at = LedgerTime(1000h);

Judgement judgement(OnDoubt on_doubt = OnDoubt::ask_again) {
  Judgement judgement;
  judgement.on_doubt = on_doubt;
  judgement.now = answered_at;
  judgement.retry.first = 1s;
  judgement.chance = 1;
  return judgement;
}

Answer answered(int status, std::string body = {}) {
  Answer answer;
  answer.reached = Answer::Reached::answered;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

Answer not_answered(Answer::Reached reached) {
  Answer answer;
  answer.reached = reached;
  answer.error = "connect: refused";
  return answer;
}

// Pieces must be disjoint, ascending, and together the whole chunk; "all" may only stand alone.
void check_whole(const Verdict& verdict, const Chunk& chunk) {
  REQUIRE(!verdict.pieces.empty());
  std::vector<std::uint32_t> members;
  for (const Piece& piece : verdict.pieces) {
    if (piece.members.empty()) {
      REQUIRE(verdict.pieces.size() == 1);
      return;
    }
    REQUIRE(std::is_sorted(piece.members.begin(), piece.members.end()));
    members.insert(members.end(), piece.members.begin(), piece.members.end());
  }
  std::sort(members.begin(), members.end());
  REQUIRE(members.size() == chunk.ids.size());
  for (std::size_t i = 0; i < members.size(); ++i) REQUIRE(members[i] == i);
}

// "2 invited 201 a1, 1 pending 201 a1 m1 | shrink fails alarm": the whole verdict in one line.
std::string describe(const Verdict& verdict, const Chunk& chunk) {
  check_whole(verdict, chunk);
  std::string text;
  for (const Piece& piece : verdict.pieces) {
    const Fate& fate = piece.fate;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {} {} a{}", piece.members.empty() ? chunk.ids.size() : piece.members.size(),
                        name_of(fate.outcome), fate.http_status, fate.attempts);
    if (fate.tries > 0) text += fmt::format(" t{}", fate.tries);
    if (fate.missing > 0) text += fmt::format(" m{}", fate.missing);
    if (fate.quiet) text += " quiet";
    if (fate.outcome == Outcome::pending && fate.not_before != answered_at)
      text += fmt::format(" +{}s", (fate.not_before - answered_at) / 1s);
  }
  std::string beyond;
  if (verdict.effect == Effect::stop) beyond += " stop";
  if (verdict.effect == Effect::refuse_course) beyond += " refuse_course";
  if (verdict.effect == Effect::pause) beyond += " pause";
  if (verdict.effect == Effect::shrink) beyond += " shrink";
  if (verdict.sign == Sign::fails) beyond += " fails";
  if (verdict.sign == Sign::refuses) beyond += " refuses";
  if (!verdict.alarm.empty()) beyond += " alarm";
  return beyond.empty() ? text : text + " |" + beyond;
}

std::string judged(Answer answer, const Chunk& chunk = chunk_of(3), const Judgement& by = judgement()) {
  return describe(judge(answer, chunk, by), chunk);
}

std::string entry(const std::string& fields) {
  return "{" + fields + "}";
}
std::string id(std::uint64_t number) {
  return member(number).text();
}
std::string named(const std::string& text) {
  return entry("\"spotMemberId\":\"" + text + "\"");
}

}  // namespace

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
                                         {410, "", "3 pending 410 a1 | refuse_course"},
                                         {404, R"({"message":"no course"})", "3 pending 404 a1 | refuse_course"},
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

TEST_CASE("a participant of another course is an alarm, and settles nobody") {
  const auto entry_of = [](std::uint64_t number, const std::string& course) {
    return entry("\"courseId\":" + course + ",\"spotMemberId\":\"" + id(number) + "\"");
  };
  Judgement of_spring = judgement();
  of_spring.course_id = "spring";
  const auto judged_as = [&](const std::string& body, std::size_t members) {
    return judged(answered(201, "[" + body + "]"), chunk_of(members), of_spring);
  };
  const std::string ours = entry_of(1, "\"spring\"");
  CHECK(judged_as(ours, 1) == "1 invited 201 a1");
  // As the API may write it.
  for (const std::string same : {"\"SPRING\"", "\"\\u0073pring\"", "null", "7"}) {
    CAPTURE(same);
    CHECK(judged_as(entry_of(1, same), 1) == "1 invited 201 a1");
  }
  for (const std::string other : {"\"summer\"", "\"sprin\"", "\"spring2\"", "\"\"", "\"spring\\\"\""}) {
    CAPTURE(other);
    CHECK(judged_as(ours + "," + entry_of(2, other), 2) == "1 invited 201 a1, 1 pending 201 a1 m1 | alarm");
    // Nobody is missing in an answer that speaks of another course altogether, or is refused for it.
    CHECK(judged_as(entry_of(1, other), 1) == "1 pending 201 a1 t1 +1s | alarm");
  }
}

TEST_CASE("a 201 settles exactly the members that it names") {
  struct Row {
    std::string what;
    std::string body;
    std::string expected;
  };
  const std::string three = "3 invited 201 a1";
  const std::string none = "3 pending 201 a1 m1";
  const std::string two = "2 invited 201 a1, 1 pending 201 a1 m1";
  const std::string doubt = "3 pending 201 a1 t1 +1s | alarm";
  std::string upper = participants(members(3));
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return c == 'f' ? 'F' : c; });
  const std::string a = participant(id(1)), b = participant(id(2)), c = participant(id(3));
  for (const Row& row : std::vector<Row>{
           {"in order", "[" + a + "," + b + "," + c + "]", three},
           {"in another order", "[" + c + "," + a + "," + b + "]", three},
           {"with blanks", " \n[ " + a + " ,\t" + b + "\r\n, " + c + " ] \n", three},
           {"one missing", "[" + a + "," + c + "]", two},
           {"none", "[]", none},
           {"foreign", "[" + a + "," + participant(id(99)) + "," + c + "]", two + " | alarm"},
           {"foreign beside all", "[" + a + "," + b + "," + c + "," + participant(id(99)) + "]", three + " | alarm"},
           {"doubled", "[" + a + "," + a + "," + c + "]", two + " | alarm"},
           {"without an id", "[" + a + "," + entry("\"id\":\"p\"") + "," + c + "]", two + " | alarm"},
           {"an id that is none", "[" + named("x") + "," + b + "," + c + "]", two + " | alarm"},
           {"an id of another type", "[" + entry("\"spotMemberId\":7") + "," + b + "," + c + "]", two + " | alarm"},
           {"null for an id", "[" + entry("\"spotMemberId\":null") + "," + b + "," + c + "]", two + " | alarm"},
           {"nothing but ids", "[" + named(id(1)) + "," + named(id(2)) + "," + named(id(3)) + "]", three},
           {"unknown fields",
            "[" + entry("\"x\":{\"spotMemberId\":[1,{}]},\"spotMemberId\":\"" + id(1) + "\",\"y\":[[]]") + "," + b +
                "," + c + "]",
            three},
           {"no body", "", doubt},
           {"truncated", "[" + a + "," + b + "," + c, doubt},
           {"truncated inside", ("[" + a + "," + b).substr(0, 100), doubt},
           {"HTML", "<html>created</html>", doubt},
           {"an object", "{\"items\":[" + a + "]}", doubt},
           {"an array of ids", "[\"" + id(1) + "\",\"" + id(2) + "\"]", doubt},
           {"an array of arrays", "[[" + a + "]]", doubt},
           {"null", "null", doubt},
           {"more behind it", "[" + a + "," + b + "," + c + "] []", doubt},
           {"garbage behind it", "[" + a + "," + b + "," + c + "]x", doubt},
           {"two commas", "[" + a + ",," + b + "]", doubt},
           {"bytes that are not UTF-8",
            "[" + a + "," + b + "," + entry("\"x\":\"\xFF\",\"spotMemberId\":\"" + id(3) + "\"") + "]", doubt}}) {
    CAPTURE(row.what);
    CHECK(judged(answered(201, row.body)) == row.expected);
  }
  Chunk letters = chunk_of(3, 0xabcdef);
  std::string body = participants(letters.ids);
  std::transform(body.begin(), body.end(), body.begin(), [](unsigned char ch) {
    return ch >= 'a' && ch <= 'f' ? static_cast<char>(std::toupper(ch)) : static_cast<char>(ch);
  });
  // Only the ids: keys stay as they are.
  body = "[" + named("00000000-0000-4000-8000-000000ABCDEF") + "," + named("00000000-0000-4000-8000-000000ABCDF0") +
         "," + named("00000000-0000-4000-8000-000000abcdf1") + "]";
  CHECK(judged(answered(201, body), letters) == three);
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

TEST_CASE("missing from a 201: asked again apart, then in halves, and alone it is a refusal") {
  Chunk chunk = chunk_of(5);
  CHECK(judged(answered(201, participants(members(2))), chunk) == "2 invited 201 a1, 3 pending 201 a1 m1");
  chunk.missing = 1;
  CHECK(judged(answered(201, "[]"), chunk) == "3 pending 201 a1 m2, 2 pending 201 a1 m2");
  CHECK(judged(answered(201, participants(members(2))), chunk) ==
        "2 invited 201 a1, 2 pending 201 a1 m2, 1 pending 201 a1 m2");
  CHECK(judged(answered(200), chunk) == "5 already_invited 200 a1");
  Chunk alone = chunk_of(1);
  CHECK(judged(answered(201, "[]"), alone) == "1 pending 201 a1 m1");
  alone.missing = 1;
  Answer answer = answered(201, "[]");
  const Verdict verdict = judge(answer, alone, judgement());
  CHECK(describe(verdict, alone) == "1 rejected 201 a1");
  CHECK(verdict.pieces[0].fate.error.find("alone") != std::string::npos);
}

TEST_CASE("a 400 is narrowed by halves; ids that the message quotes are split off first") {
  CHECK(judged(answered(400), chunk_of(1)) == "1 rejected 400 a1");
  CHECK(judged(answered(422), chunk_of(1)) == "1 rejected 422 a1");
  CHECK(judged(answered(400), chunk_of(2)) == "1 pending 400 a1, 1 pending 400 a1");
  CHECK(judged(answered(400), chunk_of(101)) == "51 pending 400 a1, 50 pending 400 a1");
  const auto quoting = [](const std::vector<std::uint64_t>& numbers) {
    std::string message = "no such members:";
    for (const auto number : numbers) message += " " + id(number);
    return answered(400, "{\"message\":\"" + message + "\"}");
  };
  CHECK(judged(quoting({7}), chunk_of(100)) == "1 pending 400 a1, 99 pending 400 a1");
  CHECK(judged(quoting({7, 9}), chunk_of(100)) == "1 pending 400 a1, 1 pending 400 a1, 98 pending 400 a1");
  CHECK(judged(quoting({777}), chunk_of(4)) == "2 pending 400 a1, 2 pending 400 a1");
  CHECK(judged(quoting({1, 2, 3, 4}), chunk_of(4)) == "2 pending 400 a1, 2 pending 400 a1");
  CHECK(judged(quoting({1}), chunk_of(1)) == "1 rejected 400 a1");
  // Beyond the excerpt that is kept, and in the other case.
  Answer far = answered(400, std::string(5000, ' ') + "00000000-0000-4000-8000-0000000000AB");
  CHECK(judged(far, chunk_of(8, 0xa8)) == "1 pending 400 a1, 7 pending 400 a1");
  // What a 413 quotes is not to blame.
  Answer large = answered(413, id(1));
  CHECK(judged(large, chunk_of(4)) == "2 pending 413 a1, 2 pending 413 a1 | shrink");
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

// ---- A list played through: what halving costs, and that each ends where it belongs.

namespace {

struct Played {
  std::map<std::uint64_t, Outcome> outcomes;  // by number
  int calls = 0;
  int most_asked = 0;  // how often one member was
};

// Asks until all is settled. `api` answers for the numbers of a call.
Played play(std::size_t count, const std::function<Answer(const std::vector<std::uint64_t>&)>& api) {
  Played played;
  std::deque<Chunk> due = {chunk_of(count)};
  std::map<MemberId, std::uint64_t> number_of;
  for (std::uint64_t number = 1; number <= count; ++number) number_of[member(number)] = number;
  std::map<std::uint64_t, int> asked;
  while (!due.empty()) {
    const Chunk chunk = due.front();
    due.pop_front();
    std::vector<std::uint64_t> numbers;
    for (const MemberId& one : chunk.ids) {
      numbers.push_back(number_of.at(one));
      played.most_asked = std::max(played.most_asked, ++asked[numbers.back()]);
    }
    REQUIRE(++played.calls < 10'000);
    Answer answer = api(numbers);
    const Verdict verdict = judge(answer, chunk, judgement());
    check_whole(verdict, chunk);
    for (const Piece& piece : verdict.pieces) {
      Chunk next = chunk;
      if (!piece.members.empty()) {
        next.ids.clear();
        for (const auto index : piece.members) next.ids.push_back(chunk.ids[index]);
      }
      next.attempts = piece.fate.attempts;
      next.tries = piece.fate.tries;
      next.missing = piece.fate.missing;
      next.quiet = piece.fate.quiet;
      if (piece.fate.outcome == Outcome::pending) {
        due.push_back(std::move(next));
        continue;
      }
      for (const MemberId& one : next.ids) {
        REQUIRE(played.outcomes.emplace(number_of.at(one), piece.fate.outcome).second);
      }
    }
  }
  REQUIRE(played.outcomes.size() == count);
  return played;
}

using Numbers = std::set<std::uint64_t>;

bool any_of(const std::vector<std::uint64_t>& numbers, const Numbers& wanted) {
  return std::any_of(numbers.begin(), numbers.end(), [&](auto number) { return wanted.contains(number); });
}

std::vector<MemberId> ids_of_numbers(const std::vector<std::uint64_t>& numbers, const Numbers& without = {}) {
  std::vector<MemberId> ids;
  for (const auto number : numbers)
    if (!without.contains(number)) ids.push_back(member(number));
  return ids;
}

void check_only_rejected(const Played& played, const Numbers& bad) {
  for (const auto& [id, outcome] : played.outcomes) {
    const auto& number = id;
    CAPTURE(number);
    CHECK(outcome == (bad.contains(number) ? Outcome::rejected : Outcome::invited));
  }
}

Numbers random_numbers(std::size_t count, std::uint64_t most, std::mt19937_64& random) {
  Numbers numbers;
  while (numbers.size() < count) numbers.insert(std::uniform_int_distribution<std::uint64_t>(1, most)(random));
  return numbers;
}

}  // namespace

TEST_CASE("one bad id among 100 costs at most 14 extra calls, wherever it stands") {
  for (std::uint64_t bad = 1; bad <= 100; ++bad) {
    const Played played = play(100, [&](const auto& numbers) {
      return any_of(numbers, {bad}) ? answered(400) : answered(201, participants(ids_of_numbers(numbers)));
    });
    CHECK(played.calls - 1 <= 14);
    CHECK(played.most_asked <= 8);
    check_only_rejected(played, {bad});
  }
}

TEST_CASE(
    "a bad id that the message quotes costs two extra calls, in one that is misquoted no more than halving does") {
  const Played quoted = play(100, [&](const auto& numbers) {
    return any_of(numbers, {42}) ? answered(400, "unknown: " + id(42))
                                 : answered(201, participants(ids_of_numbers(numbers)));
  });
  CHECK(quoted.calls == 3);
  check_only_rejected(quoted, {42});
  const Played misquoted = play(100, [&](const auto& numbers) {
    return any_of(numbers, {42}) ? answered(400, "unknown: " + id(43))
                                 : answered(201, participants(ids_of_numbers(numbers)));
  });
  CHECK(misquoted.calls <= 1 + 14 + 2);
  check_only_rejected(misquoted, {42});
}

TEST_CASE("k bad ids among 100 cost at most what k halvings cost, and never a neighbour") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const std::size_t count = std::uniform_int_distribution<std::size_t>(0, 20)(random);
    const Numbers bad = random_numbers(count, 100, random);
    const Played played = play(100, [&](const auto& numbers) {
      return any_of(numbers, bad) ? answered(400) : answered(201, participants(ids_of_numbers(numbers)));
    });
    CHECK(played.calls - 1 <= static_cast<int>(14 * count));
    check_only_rejected(played, bad);
  }
  const Played all_bad = play(100, [](const auto&) { return answered(400); });
  CHECK(all_bad.calls == 199);
}

TEST_CASE("an API that takes few members a call is learned by halves, and refuses nobody") {
  const Played played = play(100, [&](const auto& numbers) {
    return numbers.size() > 10 ? answered(413) : answered(201, participants(ids_of_numbers(numbers)));
  });
  check_only_rejected(played, {});
  CHECK(played.calls == 31);  // 1 + 2 + 4 + 8 refused (100, 50, 25, 13 or 12), 16 answered
}

TEST_CASE("members invited before are told from the new in two calls, when the API leaves them out of its 201") {
  const Numbers before = {3, 50, 51, 99};
  const Played played = play(100, [&](const auto& numbers) {
    const auto fresh = ids_of_numbers(numbers, before);
    return fresh.empty() ? answered(200) : answered(201, participants(fresh));
  });
  CHECK(played.calls == 2);
  for (const auto& [number, outcome] : played.outcomes)
    CHECK(outcome == (before.contains(number) ? Outcome::already_invited : Outcome::invited));
}

TEST_CASE("who is in no answer is found by halves: unknown, invited before and new in one list") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const Numbers odd = random_numbers(std::uniform_int_distribution<std::size_t>(1, 12)(random), 100, random);
    Numbers unknown, before;
    for (const auto number : odd) (random() % 2 == 0 ? unknown : before).insert(number);
    Numbers invited = before;
    const Played played = play(100, [&](const auto& numbers) {
      std::vector<MemberId> fresh;
      for (const auto number : numbers)
        if (!unknown.contains(number) && invited.insert(number).second) fresh.push_back(member(number));
      // 200 only if everyone asked for is invited; the unknown are silently left out.
      const bool all_invited = std::all_of(numbers.begin(), numbers.end(), [&](auto n) { return before.contains(n); });
      return all_invited ? answered(200) : answered(201, participants(fresh));
    });
    for (const auto& [id, outcome] : played.outcomes) {
      const auto& number = id;
      CAPTURE(number);
      CHECK(outcome == (unknown.contains(number)  ? Outcome::rejected
                        : before.contains(number) ? Outcome::already_invited
                                                  : Outcome::invited));
    }
    // The first call, the rest apart, and then at most a tree of halves over the rest.
    CHECK(played.calls <= 2 + 2 * static_cast<int>(odd.size()));
  }
}

// ---- Whatever a server may say.

TEST_CASE("whatever the answer, its verdict covers the chunk and settles nobody whom the answer did not settle") {
  constexpr int statuses[] = {200, 201, 201, 201, 201, 202, 204, 301, 400, 400, 401, 403, 404,
                              408, 409, 413, 415, 422, 429, 500, 502, 503, 504, 599, 100, 299};
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    Chunk chunk = chunk_of(static_cast<std::size_t>(pick(1, 12)), 0xa0);
    chunk.attempts = pick(0, 9);
    chunk.tries = pick(0, 5);
    chunk.missing = pick(0, 2);
    chunk.quiet = pick(0, 1) == 1;
    std::vector<MemberId> in_body;
    for (const MemberId& one : chunk.ids)
      if (pick(0, 9) > 1) in_body.push_back(one);
    if (pick(0, 5) == 0) in_body.push_back(member(7));
    if (pick(0, 5) == 0 && !in_body.empty()) in_body.push_back(in_body[0]);
    std::shuffle(in_body.begin(), in_body.end(), random);
    std::string body = pick(0, 9) == 0 ? "" : participants(in_body);
    for (int change = pick(0, 3); change > 0 && !body.empty(); --change) {
      const auto at = static_cast<std::size_t>(pick(0, static_cast<int>(body.size()) - 1));
      switch (pick(0, 5)) {
        case 0:
          body.resize(at);
          break;
        case 1:
          body[at] = static_cast<char>(pick(0, 255));
          break;
        case 2:
          body.erase(at, static_cast<std::size_t>(pick(1, 60)));
          break;
        case 3:
          body.insert(at, body.substr(static_cast<std::size_t>(pick(0, static_cast<int>(body.size()) - 1)), 80));
          break;
        case 4:
          body.insert(at, 1, "[]{},:\"\\0n"[pick(0, 9)]);
          break;
        default:
          break;
      }
    }
    Answer answer = answered(statuses[pick(0, std::size(statuses) - 1)], body);
    if (pick(0, 19) == 0) answer.reached = Answer::Reached::maybe;
    if (pick(0, 19) == 0) answer.reached = Answer::Reached::no;
    Judgement by = judgement(static_cast<OnDoubt>(pick(0, 2)));
    by.keep_profile = pick(0, 1) == 1 ? KeepProfile::yes : KeepProfile::no;
    const auto reached = answer.reached;
    const int status = answer.status;
    const Verdict verdict = judge(answer, chunk, by);
    check_whole(verdict, chunk);
    std::transform(body.begin(), body.end(), body.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const Piece& piece : verdict.pieces) {
      const Fate& fate = piece.fate;
      REQUIRE(fate.outcome != Outcome::withdrawn);
      if (fate.outcome == Outcome::pending) REQUIRE(fate.not_before >= answered_at);
      if (fate.outcome == Outcome::pending) REQUIRE(fate.tries < by.retry.attempts);
      const bool was_asked = reached != Answer::Reached::no && verdict.effect != Effect::pause;
      REQUIRE(fate.attempts == chunk.attempts + (was_asked ? 1 : 0));
      REQUIRE((fate.quiet || fate.outcome != Outcome::pending) >= chunk.quiet);
      if (fate.outcome == Outcome::invited) {
        REQUIRE(reached == Answer::Reached::answered);
        REQUIRE(status == 201);
        std::vector<std::uint32_t> who = piece.members;
        if (who.empty())
          for (std::uint32_t i = 0; i < chunk.ids.size(); ++i) who.push_back(i);
        for (const auto index : who) REQUIRE(body.find(chunk.ids[index].text()) != std::string::npos);
      }
      if (fate.outcome == Outcome::already_invited) REQUIRE((status == 200 || status == 204));
      if (fate.outcome == Outcome::rejected) {
        REQUIRE(reached == Answer::Reached::answered);
        REQUIRE(chunk.ids.size() == 1);
        REQUIRE((status == 201 || status / 100 == 4));
      }
      if (fate.outcome == Outcome::failed) REQUIRE(fate.tries >= by.retry.attempts);
      if (fate.outcome == Outcome::in_doubt) REQUIRE(by.on_doubt == OnDoubt::hold);
    }
  }
}
