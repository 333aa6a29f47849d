// Courses, learning paths and channels: in what their calls and answers differ.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "api/additions.h"
#include "api/invite.h"
#include "api/participants.h"
#include "judged.h"
#include "sandbox_desk.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

std::string names(std::initializer_list<std::uint64_t> numbers) {
  std::string list;
  for (const std::uint64_t number : numbers) list += (list.empty() ? "\"" : ",\"") + id(number) + "\"";
  return '[' + list + ']';
}

std::string additions(std::initializer_list<std::uint64_t> added, std::initializer_list<std::uint64_t> failed) {
  return fmt::format(R"({{"addedSpotMemberIds":{},"failedSpotMemberIds":{}}})", names(added), names(failed));
}

Judgement of_channel(OnDoubt on_doubt = OnDoubt::ask_again) {
  Judgement how = judgement(on_doubt);
  how.target_kind = TargetKind::channel;
  how.target_id = "c1";
  return how;
}

std::string judged_of_channel(const std::string& body, const Chunk& chunk, int status = 200) {
  return judged(answered(status, body), chunk, of_channel());
}

constexpr std::string_view channel_path = "/v1/channels/c1/spotMembers~bulkAdd";

}  // namespace

TEST_CASE("each kind of target has its path, and a channel's body has the members alone") {
  InviteSettings settings;
  settings.invited_by = "boss";
  settings.email_notification = true;
  const auto request = [&](TargetKind kind) { return invite_request({kind, "a b/ü"}, members(1), settings, false); };
  const std::string segment = "a%20b%2F%C3%BC";
  const std::string ids = R"({"spotMemberIds":[")" + id(1) + R"("])";
  const std::string options = R"(,"invitedBySpotMemberId":"boss","withEmailNotification":true})";
  CHECK(request(TargetKind::course).target == "/v1/courses/" + segment + "/participants~bulkInvite");
  CHECK(request(TargetKind::course).body == ids + options);
  CHECK(request(TargetKind::learning_path).target == "/v1/learningPaths/" + segment + "/participants~bulkInvite");
  CHECK(request(TargetKind::learning_path).body == ids + options);
  CHECK(request(TargetKind::channel).target == "/v1/channels/" + segment + "/spotMembers~bulkAdd");
  CHECK(request(TargetKind::channel).body == ids + "}");
  CHECK(invite_request({TargetKind::channel, "c"}, members(1), settings, true).body == ids + "}");
}

TEST_CASE("a learning path's participants name it, and have times in ms") {
  Judgement how = judgement();
  how.target_kind = TargetKind::learning_path;
  how.target_id = "lp";
  const auto entry = [](std::uint64_t number, const std::string& path) {
    return fmt::format(
        R"([{{"spotMemberId":"{}","learningPathId":"{}","courseId":"other","invitedAt":1700000000123}}])", id(number),
        path);
  };
  CHECK(judged(answered(201, entry(1, "lp")), chunk_of(1), how) == "1 invited 201 a1");
  CHECK(judged(answered(201, entry(1, "lq")), chunk_of(1), how) == "1 pending 201 a1 t1 +1s | alarm");
  std::string body = entry(1, "lp");
  CHECK(read_participants(body, members(1), KeepProfile::no)->columns.invited_at == "2023-11-14T22:13:20.123Z");
  for (const std::string none : {"-1", "253402300800000", "1e3", "true"}) {
    CAPTURE(none);
    std::string strange = fmt::format(R"([{{"spotMemberId":"{}","startedAt":{}}}])", id(1), none);
    CHECK(read_participants(strange, members(1), KeepProfile::no)->columns.started_at.empty());
  }
}

TEST_CASE("a channel names whom it has added and whom not, by id") {
  const auto read = [](std::string body) { return read_additions(body, members(3)); };
  const auto both =
      read(R"( {"x":[{}],"failedSpotMemberIds":)" + names({2}) + R"(,"addedSpotMemberIds":)" + names({3, 1}) + "} ");
  REQUIRE(both);
  CHECK(both->added == std::vector<std::uint32_t>{0, 2});
  CHECK(both->failed == std::vector<std::uint32_t>{1});
  CHECK_FALSE(both->is_odd());
  const auto odd = read(R"({"addedSpotMemberIds":[7,"x",)" + names({1, 1, 9}).substr(1) + R"(,"failedSpotMemberIds":)" +
                        names({1}) + "}");
  REQUIRE(odd);
  CHECK(odd->added == std::vector<std::uint32_t>{0});
  CHECK(odd->failed.empty());
  CHECK((odd->unreadable == 2 && odd->doubled == 2 && odd->foreign == 1));
  for (const std::string none : {"", "[]", "{}", "{\"addedSpotMemberIds\":null}", "{\"addedSpotMemberIds\":[]} x",
                                 "{\"addedSpotMemberIds\":[", "<html>"}) {
    CAPTURE(none);
    CHECK_FALSE(read(none));
  }
}

TEST_CASE("added is invited; failed is asked again alone, and refused then") {
  CHECK(judged_of_channel(additions({1, 2, 3}, {}), chunk_of(3)) == "3 invited 200 a1");
  CHECK(judged_of_channel(additions({1, 2, 3}, {}), chunk_of(3), 201) == "3 invited 201 a1");
  CHECK(judged_of_channel(additions({1, 3}, {2}), chunk_of(3)) == "2 invited 200 a1, 1 pending 200 a1");
  CHECK(judged_of_channel(additions({}, {1, 2}), chunk_of(2)) == "1 pending 200 a1, 1 pending 200 a1");
  CHECK(judged_of_channel(additions({}, {1, 2, 3, 4, 5, 6, 7, 8, 9}), chunk_of(9)) ==
        "5 pending 200 a1, 4 pending 200 a1");
  CHECK(judged_of_channel(additions({}, {1}), chunk_of(1)) == "1 rejected 200 a1");
  CHECK(judged_of_channel(additions({1}, {}), chunk_of(3)) == "1 invited 200 a1, 2 pending 200 a1 m1");
  CHECK(judged_of_channel(additions({1, 9}, {}), chunk_of(1)) == "1 invited 200 a1 | alarm");
}

TEST_CASE("whom an earlier call may have added, a channel does not refuse: what it calls one who is in is not known") {
  Chunk alone = chunk_of(1);
  alone.doubt = true;
  Answer failed = answered(200, additions({}, {1}));
  const Verdict verdict = judge(failed, alone, of_channel());
  CHECK(describe(verdict, alone) == "1 in_doubt 200 a1");
  CHECK(verdict.pieces[0].fate.doubt);
  CHECK(verdict.pieces[0].fate.reason == Reason::refused);
  CHECK(judged_of_channel(additions({1}, {}), alone) == "1 invited 200 a1");
  Chunk not_named = chunk_of(1);
  not_named.missing = 1;
  CHECK(judged_of_channel(additions({}, {}), not_named) == "1 in_doubt 200 a1");
  CHECK(judged_of_channel(additions({}, {1}), not_named) == "1 in_doubt 200 a1");
  // In company the doubt goes on to whom it asks alone.
  Chunk two = chunk_of(2);
  two.doubt = true;
  Answer both = answered(200, additions({}, {1, 2}));
  for (const Piece& piece : judge(both, two, of_channel()).pieces) CHECK(piece.fate.doubt);
}

TEST_CASE("an answer without names is none of a channel's") {
  struct Row {
    int status;
    std::string body;
  };
  for (const Row& row : std::vector<Row>{
           {200, ""}, {204, ""}, {200, "[]"}, {201, participants(members(1))}, {200, "{\"addedSpotMemberIds\":[7]}"}}) {
    CAPTURE(row.status);
    CAPTURE(row.body);
    CHECK(judged_of_channel(row.body, chunk_of(1), row.status) ==
          fmt::format("1 pending {} a1 t1 +1s | alarm", row.status));
  }
}

TEST_CASE("an answer that nobody can read leaves a doubt, also as the first of all; a page does not") {
  Judgement how = of_channel();
  how.ever_accepted = false;
  Answer garbage = answered(201, participants(members(1)));
  const Verdict verdict = judge(garbage, chunk_of(1), how);
  CHECK(verdict.effect == Effect::stop);
  CHECK(verdict.pieces[0].fate.doubt);
  Answer page = answered(200, "<html>log in</html>");
  CHECK_FALSE(judge(page, chunk_of(1), how).pieces[0].fate.doubt);
}

TEST_CASE("the sandbox has learning paths: their 201 has times in ms, and who is in already gets a 204") {
  SandboxSettings settings;
  settings.learning_paths = {"lp"};
  Desk desk(settings);
  const std::string path = "/v1/learningPaths/lp/participants~bulkInvite";
  const SandboxReply first = desk.post(body_of({1}), path);
  CHECK(first.status == 201);
  CHECK(first.body.find(R"("learningPathId":"lp")") != std::string::npos);
  CHECK(first.body.find(R"("invitedAt":1700000000000,"startedAt":null)") != std::string::npos);
  CHECK(desk.post(body_of({1}), path).status == 204);
  CHECK(desk.post(body_of({1}), "/v1/learningPaths/other/participants~bulkInvite").status == 404);
  // A course of that name is another target.
  CHECK(desk.post(body_of({1}), "/v1/courses/lp/participants~bulkInvite").status == 201);
}

TEST_CASE("the sandbox has channels: they name everybody, and take nothing but members") {
  SandboxSettings settings;
  settings.channels = {"c1"};
  settings.poison = {id_of(2).text()};
  settings.ignore = {id_of(3).text()};
  for (const bool known_fail : {false, true}) {
    CAPTURE(known_fail);
    settings.calls_known_failed = known_fail;
    Desk desk(settings);
    const auto answer = [&](std::string_view more = "") { return desk.post(body_of({1, 2, 3}, more), channel_path); };
    CHECK(answer(R"(,"withEmailNotification":true)").status == 400);
    CHECK(answer().body == additions({1}, {2}));
    CHECK(answer().body == (known_fail ? R"({"addedSpotMemberIds":[],"failedSpotMemberIds":)" + names({1, 2}) + "}"
                                       : additions({1}, {2})));
    CHECK(desk.post(body_of({1}), "/v1/channels/other/spotMembers~bulkAdd").status == 404);
    CHECK(desk.sandbox.stats().members_invited == 1);
    CHECK(desk.sandbox.stats().asked_again == 1);
  }
}
