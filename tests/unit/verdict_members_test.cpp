// Whom an answer settles: those that it names, and nobody else.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <random>

#include "api/verdict.h"
#include "judged.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

std::string entry(const std::string& fields) {
  return "{" + fields + "}";
}

// A channel's answer: the first of them are added, the others are not.
std::string additions(const std::vector<MemberId>& ids, int added) {
  std::string lists[2];
  for (const MemberId& one : ids) {
    std::string& list = lists[added-- > 0 ? 0 : 1];
    list += (list.empty() ? "\"" : ",\"") + one.text() + "\"";
  }
  return "{\"addedSpotMemberIds\":[" + lists[0] + "],\"failedSpotMemberIds\":[" + lists[1] + "]}";
}

std::string named(const std::string& text) {
  return entry("\"spotMemberId\":\"" + text + "\"");
}

}  // namespace

TEST_CASE("a participant of another course is an alarm, and settles nobody") {
  const auto entry_of = [](std::uint64_t number, const std::string& course) {
    return entry("\"courseId\":" + course + ",\"spotMemberId\":\"" + id(number) + "\"");
  };
  Judgement of_spring = judgement();
  of_spring.target_id = "spring";
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
    Judgement by = judgement(static_cast<OnDoubt>(pick(0, 2)));
    by.target_kind = static_cast<TargetKind>(pick(0, 2));
    const bool is_channel = by.target_kind == TargetKind::channel;
    std::string body;
    if (pick(0, 9) > 0) body = is_channel ? additions(in_body, pick(0, 4)) : participants(in_body);
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
        REQUIRE((status == 201 || (is_channel && status == 200)));
        std::vector<std::uint32_t> who = piece.members;
        if (who.empty())
          for (std::uint32_t i = 0; i < chunk.ids.size(); ++i) who.push_back(i);
        for (const auto index : who) REQUIRE(body.find(chunk.ids[index].text()) != std::string::npos);
      }
      if (fate.outcome == Outcome::already_invited) REQUIRE((!is_channel && (status == 200 || status == 204)));
      if (fate.outcome == Outcome::rejected) {
        REQUIRE(reached == Answer::Reached::answered);
        REQUIRE(chunk.ids.size() == 1);
        REQUIRE((status == 201 || status / 100 == 4 || (is_channel && status == 200)));
      }
      if (fate.outcome == Outcome::failed) REQUIRE(fate.tries >= by.retry.attempts);
      if (fate.outcome == Outcome::in_doubt) REQUIRE((by.on_doubt == OnDoubt::hold || is_channel));
    }
  }
}
