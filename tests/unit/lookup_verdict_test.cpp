// What the answers mean that say whom addresses belong to, and what trouble on the way there does.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "looked_up.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

std::string found(const std::string& body, const Chunk& chunk = chunk_of(3),
                  const Judgement& how = of_step(Step::look_up)) {
  return told(answered(200, body), chunk, how);
}

std::string created(const std::string& body, const Chunk& chunk = chunk_of(3),
                    const Judgement& how = of_step(Step::create)) {
  return told(answered(201, body), chunk, how);
}

}  // namespace

TEST_CASE("who is found is due as a member, and nobody is asked for as one by it") {
  CHECK(found(page({spot_member(2), spot_member(1), spot_member(3)})) == "1,2,3 pending 0 a0 anew =1,2,3");
  Chunk before = asked_before(2, 3, 1, true);
  before.quiet = true;
  CHECK(found(page({spot_member(2), spot_member(1)}, "2"), before) == "1,2 pending 0 a0 anew =1,2");
  const Verdict verdict = verdict_of(answered(200, page({spot_member(1)})), chunk_of(1), of_step(Step::look_up));
  CHECK(verdict.accepted);
  CHECK(verdict.reason == Reason::none);
  CHECK(verdict.call_error.empty());
}

TEST_CASE("who is not in a whole answer is unknown, or to be made") {
  CHECK(found(page({spot_member(2)}, "1")) == "2 pending 0 a0 anew =2; 1,3 unknown 200 a1");
  CHECK(found(R"({"items":[]})") == "1,2,3 unknown 200 a1");
  CHECK(found(page({spot_member(2)}), chunk_of(3), that_creates()) ==
        "2 pending 0 a0 anew =2; 1,3 pending 200 a1 then create");
  const Verdict verdict = verdict_of(answered(200, page({})), chunk_of(2), of_step(Step::look_up));
  CHECK(verdict.accepted);
  CHECK(verdict.reason == Reason::no_member);
  CHECK(verdict.call_error == "2 of 2 addresses that no spot member has");
  CHECK(verdict.alarm.empty());
  CHECK(verdict.pieces[0].fate.reason == Reason::no_member);
  CHECK(verdict.pieces[0].fate.error == "no spot member has this address");
}

TEST_CASE("of whom no member could be made is rejected if nobody has the address, in the words of then") {
  Judgement how = that_creates();
  how.said_before = "the API did not make a member of this address: blocked";
  const Chunk failed = asked_before(2, 0, 1, false);
  const Verdict verdict = verdict_of(answered(200, page({spot_member(1)})), failed, how);
  CHECK(told(verdict, failed) == "1 pending 0 a0 anew =1; 2 rejected 200 a5");
  CHECK(verdict.pieces[1].fate.reason == Reason::not_made);
  CHECK(verdict.pieces[1].fate.error == how.said_before);
  how.said_before = {};
  CHECK(verdict_of(answered(200, page({})), failed, how).pieces[0].fate.error ==
        "the API did not make a member of this address");
  // Whatever comes in between, they keep these words.
  how.said_before = "the words of then";
  for (Answer answer : {answered(503), answered(429), answered(400), answered(200, page({}, "7")),
                        answered(200, page({spot_member(1)}, "7")), not_answered(Answer::Reached::maybe)}) {
    const Verdict between = verdict_of(answer, failed, how);
    const Piece& last = between.pieces.back();
    CHECK(last.fate.outcome == Outcome::pending);
    CHECK(last.fate.missing == 1);
    CHECK(last.fate.reason == Reason::not_made);
    CHECK(last.fate.error == how.said_before);
    CHECK(between.call_error != how.said_before);
  }
  CHECK(judge_interrupted(failed, how).pieces[0].fate.error == how.said_before);
  Chunk last_try = failed;
  last_try.tries = 5;
  CHECK(verdict_of(answered(503), last_try, how).pieces[0].fate.error == "HTTP 503");
}

TEST_CASE("pages are followed by asking for whom they do not name; a page of nobody costs a try") {
  CHECK(found(page({spot_member(2)}, "3")) == "2 pending 0 a0 anew =2; 1,3 pending 200 a1");
  CHECK(found(page({spot_member(2)}, "3"), asked_before(3, 2, 1, false)) ==
        "2 pending 0 a0 anew =2; 1,3 pending 200 a5 m1");
  CHECK(found(page({}, "3")) == "1,2,3 pending 200 a1 t1 +1s | alarm");
  CHECK(found(page({}, "3"), asked_before(3, 5, 0, false)) == "1,2,3 failed 200 a5 t6 | alarm");
  CHECK(found(page({spot_member(9)}, "3")) == "1,2,3 pending 200 a1 t1 +1s | alarm");
  CHECK(found(page({spot_member(1), spot_member(2), spot_member(3)}, "9")) == "1,2,3 pending 0 a0 anew =1,2,3");
  const Verdict verdict = verdict_of(answered(200, page({spot_member(1)}, "2")), chunk_of(2), of_step(Step::look_up));
  CHECK(verdict.accepted);
  CHECK(verdict.reason == Reason::none);  // that there are pages is no trouble
  Judgement first = of_step(Step::look_up);
  first.ever_accepted = false;
  CHECK(found(page({}, "3"), chunk_of(3), first) == "1,2,3 pending 200 a1 t1 +1s | alarm");
}

TEST_CASE("an address that was not asked for is an alarm and never an outcome; an id that is none is its own trouble") {
  CHECK(found(page({spot_member(1), spot_member(7)})) == "1 pending 0 a0 anew =1; 2,3 unknown 200 a1 | alarm");
  const Verdict foreign =
      verdict_of(answered(200, page({spot_member(7), spot_member(8)})), chunk_of(1), of_step(Step::look_up));
  CHECK(foreign.alarm.starts_with("an answer named 2 members whose addresses were not asked for"));
  CHECK(foreign.pieces[0].fate.outcome == Outcome::pending);  // it answers another question
  CHECK(foreign.reason == Reason::odd_answer);
  const std::string unreadable = R"({"id":"7","email":"m2@example.org"})";
  CHECK(found(page({spot_member(1), unreadable})) ==
        "1 pending 0 a0 anew =1; 2 pending 200 a1 t1 +1s; 3 unknown 200 a1 | alarm");
  CHECK(found(page({unreadable, spot_member(2)}), chunk_of(2)) == "2 pending 0 a0 anew =2; 1 unknown 200 a1");
  const std::string alone = R"({"id":null,"email":"m1@example.org"})";
  CHECK(found(page({alone}), chunk_of(1)) == "1 pending 200 a1 t1 +1s | alarm");
  CHECK(found(page({R"({"id":"7","email":null})"}), chunk_of(1)) == "1 unknown 200 a1");
}

TEST_CASE("a creation in doubt is looked up, asked for again if nobody came of it, and ends with its tries") {
  CHECK(found(page({}), asked_before(2, 1, 0, true), that_creates()) == "1,2 pending 200 a5 t1 doubt then create");
  CHECK(found(page({spot_member(1)}), asked_before(2, 1, 0, true), that_creates()) ==
        "1 pending 0 a0 anew =1; 2 pending 200 a5 t1 doubt then create");
  CHECK(found(page({}), asked_before(2, 1, 0, false), that_creates()) == "1,2 pending 200 a5 then create");
  CHECK(found(page({}), asked_before(2, 6, 0, true), that_creates()) == "1,2 failed 200 a5 t6 doubt");
  CHECK(found(page({}), asked_before(2, 1, 0, true)) == "1,2 unknown 200 a5 doubt");  // not to be made any more
  CHECK(found(page({spot_member(1)}, "2"), asked_before(2, 3, 0, true), that_creates()) ==
        "1 pending 0 a0 anew =1; 2 pending 200 a5 t3 doubt");
}

TEST_CASE("who was made is due as a member; who failed or is not named is looked up") {
  CHECK(created(made({spot_member(3), spot_member(1), spot_member(2)}, {})) == "1,2,3 pending 0 a0 anew =1,2,3");
  const std::string failed = R"({"email":"M2@example.org","message":"m2@example.org is blocked"})";
  CHECK(created(made({spot_member(1), spot_member(3)}, {failed})) ==
        "1,3 pending 0 a0 anew =1,3; 2 pending 201 a1 m1 then look_up");
  CHECK(created(made({spot_member(1)}, {failed})) ==
        "1 pending 0 a0 anew =1; 2 pending 201 a1 m1 then look_up; 3 pending 201 a1 t1 doubt then look_up");
  CHECK(created(made({spot_member(2)}, {failed}), chunk_of(2)) ==
        "2 pending 0 a0 anew =2; 1 pending 201 a1 t1 doubt then look_up");
  CHECK(created(made({}, {})) == "1,2,3 pending 201 a1 t1 doubt then look_up");
  CHECK(created(made({R"({"id":"x","email":"m1@example.org"})"}, {}), chunk_of(1)) ==
        "1 pending 201 a1 t1 doubt then look_up | alarm");
  CHECK(created(made({spot_member(9)}, {R"("m8@example.org")"}), chunk_of(1)) ==
        "1 pending 201 a1 t1 doubt then look_up | alarm");
  CHECK(told(answered(200, made({spot_member(1)}, {})), chunk_of(1), of_step(Step::create)) ==
        "1 pending 0 a0 anew =1");
  const Verdict verdict = verdict_of(answered(201, made({}, {failed})), chunk_of(3), of_step(Step::create));
  CHECK(verdict.accepted);
  CHECK(verdict.reason == Reason::not_made);
  CHECK(verdict.call_error == "1 of 3 addresses that no member was made of");
  CHECK(verdict.pieces[0].fate.reason == Reason::not_made);
  CHECK(verdict.pieces[0].fate.error == "the API did not make a member of this address: … is blocked");
  Judgement keeps = of_step(Step::create);
  keeps.keep_profile = KeepProfile::yes;
  CHECK(verdict_of(answered(201, made({}, {failed})), chunk_of(2), keeps).pieces[0].fate.error ==
        "the API did not make a member of this address: m2@example.org is blocked");
}

TEST_CASE("trouble has its verdict: a look-up is never in doubt, and a creation in doubt is looked up") {
  struct Row {
    Answer answer;
    std::string look_up;
    std::string create;
  };
  const auto of_all = [](int status, std::string_view rest) {
    return fmt::format("1,2,3 pending {} {}", status, rest);
  };
  const auto same = [&](Answer answer, std::string_view rest) {
    const std::string text = of_all(answer.status, rest);
    return Row{std::move(answer), text, text};
  };
  const auto doubtful = [&](Answer answer, std::string_view sign) {
    const std::string effect = sign.empty() ? "" : fmt::format(" | {}", sign);
    const int status = answer.status;
    return Row{std::move(answer), of_all(status, "a1 t1 +1s" + effect),
               of_all(status, "a1 t1 doubt +1s then look_up" + effect)};
  };
  const auto halved = [](int status, std::string_view effect) {
    const std::string text = fmt::format("1,2 pending {0} a1; 3 pending {0} a1{1}", status, effect);
    return Row{answered(status), text, text};
  };
  for (const Row& row : std::vector<Row>{doubtful(not_answered(Answer::Reached::maybe), "fails"),
                                         same(not_answered(Answer::Reached::no), "a0 t1 +1s | fails"),
                                         doubtful(answered(500), "fails"),
                                         doubtful(answered(502, "<html>"), "fails"),
                                         doubtful(answered(504), "fails"),
                                         same(answered(503), "a1 t1 +1s | fails"),
                                         same(answered(408), "a1 t1 +1s | fails"),
                                         same(answered(429), "a0 | pause refuses"),
                                         same(answered(401), "a1 | stop"),
                                         same(answered(402), "a1 | stop"),
                                         same(answered(403), "a1 | stop"),
                                         same(answered(404), "a1 | stop"),
                                         same(answered(410), "a1 | stop"),
                                         same(answered(302), "a1 | stop"),
                                         same(answered(405), "a1 t1 +1s | fails"),
                                         same(answered(409), "a1 t1 +1s | fails"),
                                         same(answered(200, "<html>"), "a1 t1 +1s | fails"),
                                         halved(400, ""),
                                         halved(422, ""),
                                         halved(413, " | shrink"),
                                         halved(414, " | shrink"),
                                         doubtful(answered(200, "[]"), "alarm"),
                                         doubtful(answered(200, ""), "alarm"),
                                         doubtful(answered(200, "{\"items\":["), "alarm"),
                                         doubtful(answered(202, "x"), "alarm"),
                                         doubtful(answered(204), "alarm")}) {
    CAPTURE(row.answer.status);
    CAPTURE(row.answer.body);
    CHECK(told(row.answer, chunk_of(3), of_step(Step::look_up)) == row.look_up);
    CHECK(told(row.answer, chunk_of(3), of_step(Step::create)) == row.create);
    // Neither is held in doubt: who was made can be looked up.
    for (const Step step : {Step::look_up, Step::create}) {
      CHECK(told(row.answer, chunk_of(3), of_step(step, OnDoubt::hold)) ==
            (step == Step::look_up ? row.look_up : row.create));
    }
    // A doubt that stood stays.
    for (const Step step : {Step::look_up, Step::create}) {
      for (const Piece& piece : verdict_of(row.answer, asked_before(3, 0, 0, true), of_step(step)).pieces)
        CHECK(piece.fate.doubt);
    }
  }
}

TEST_CASE("asked for alone, an address is refused; before anything was accepted, the size of one speaks of the way") {
  for (const Step step : {Step::look_up, Step::create}) {
    for (const int status : {400, 413, 414, 422}) {
      CAPTURE(status);
      const Verdict verdict =
          verdict_of(answered(status, R"({"message":"bad m1@example.org"})"), chunk_of(1), of_step(step));
      CHECK(told(verdict, chunk_of(1)) == fmt::format("1 rejected {} a1", status));
      CHECK(verdict.pieces[0].fate.error == fmt::format("HTTP {}: bad …", status));
      const bool is_size = status == 413 || status == 414;
      CHECK(verdict.pieces[0].fate.reason == (is_size ? Reason::too_large : Reason::refused));
      Judgement first = of_step(step);
      first.ever_accepted = false;
      CHECK(told(answered(status), chunk_of(1), first) ==
            fmt::format("1 {} {} a1{}", is_size ? "pending" : "rejected", status, is_size ? " | stop" : ""));
    }
    // The ids stand for addresses: what looks like one of them is not quoted.
    CHECK(told(answered(400, id(1)), chunk_of(4), of_step(step)) == "1,2 pending 400 a1; 3,4 pending 400 a1");
  }
  CHECK(judged(answered(414)) == "3 pending 414 a1 t1 +1s | fails");  // an invitation's target holds no members
}

TEST_CASE("where the calls for addresses are not there, the words say so") {
  const auto words = [](Step step, int status) {
    const Verdict verdict = verdict_of(answered(status, "m1@example.org"), chunk_of(2), of_step(step));
    CHECK(verdict.reason == Reason::odd_status);
    CHECK_FALSE(verdict.accepted);
    return verdict.call_error;
  };
  CHECK(words(Step::look_up, 404) == "HTTP 404: the API has no look-up of spot members at this base_url");
  CHECK(words(Step::create, 410) == "HTTP 410: the API has no creation of spot members at this base_url");
}

TEST_CASE("as the first answer of all, one that cannot be read stops the run, and a page says nobody was asked") {
  for (const Step step : {Step::look_up, Step::create}) {
    Judgement first = of_step(step);
    first.ever_accepted = false;
    const bool is_creation = step == Step::create;
    CHECK(told(answered(200, "[7]"), chunk_of(1), first) ==
          (is_creation ? "1 pending 200 a1 doubt then look_up | stop" : "1 pending 200 a1 | stop"));
    const Verdict page = verdict_of(answered(200, "<html>log in</html>"), chunk_of(1), first);
    CHECK(told(page, chunk_of(1)) == "1 pending 200 a1 | stop");
    CHECK(page.reason == Reason::login_page);
    CHECK(told(answered(405), chunk_of(1), first) == "1 pending 405 a1 | stop");
  }
}

TEST_CASE("interrupted, a look-up is due at once as it was, and a creation is looked up") {
  const Chunk chunk = asked_before(2, 5, 1, false);
  const auto interrupted = [&](Step step, OnDoubt on_doubt) {
    return told(judge_interrupted(chunk, of_step(step, on_doubt)), chunk);
  };
  for (const OnDoubt on_doubt : {OnDoubt::ask_again, OnDoubt::ask_quietly, OnDoubt::hold})
    CHECK(interrupted(Step::look_up, on_doubt) == "1,2 pending 0 a5 t5 m1 | fails");
  CHECK(interrupted(Step::create, OnDoubt::ask_again) == "1,2 pending 0 a5 t5 m1 doubt then look_up | fails");
  CHECK(interrupted(Step::create, OnDoubt::ask_quietly) == "1,2 pending 0 a5 t5 m1 quiet doubt then look_up | fails");
  CHECK(interrupted(Step::create, OnDoubt::hold) == "1,2 pending 0 a5 t5 m1 doubt then look_up | fails");
}

TEST_CASE("the last try of either ends failed, and what a creation may have done is looked up when it is due again") {
  const Chunk last = asked_before(2, 5, 0, false);
  CHECK(told(answered(500), last, of_step(Step::look_up)) == "1,2 failed 500 a5 t6 | fails");
  CHECK(told(answered(500), last, of_step(Step::create)) == "1,2 failed 500 a5 t6 doubt then look_up | fails");
}

TEST_CASE("no verdict's words quote an address, unless profiles are kept") {
  const std::string quoting = R"({"message":"what of m1@example.org, 'm2@example.org'?"})";
  const std::string cut = std::string(190, 'x') + " m1@example.org";
  for (const Step step : {Step::invite, Step::look_up, Step::create}) {
    for (const int status : {200, 201, 202, 302, 400, 401, 404, 405, 413, 429, 500, 503}) {
      for (const std::string& body : {quoting, cut}) {
        CAPTURE(status);
        CAPTURE(body);
        Answer answer = answered(status, body);
        answer.location = "https://x.org/" + std::string(175, 'y') + "?email%5Bin%5D=m1%40example.org";
        const Verdict verdict = verdict_of(answer, chunk_of(2), of_step(step));
        std::string words = verdict.call_error + verdict.alarm;
        for (const Piece& piece : verdict.pieces) words += piece.fate.error;
        CHECK(words.find("m1") == std::string::npos);
        CHECK(words.find("example") == std::string::npos);
      }
    }
    Answer lost = not_answered(Answer::Reached::maybe);
    lost.error = "read: m1@example.org";
    CHECK(verdict_of(lost, chunk_of(1), of_step(step)).pieces[0].fate.error == "read: …");
    Judgement keeps = of_step(step);
    keeps.keep_profile = KeepProfile::yes;
    CHECK(verdict_of(answered(400, quoting), chunk_of(1), keeps).call_error ==
          "HTTP 400: what of m1@example.org, 'm2@example.org'?");
  }
}
