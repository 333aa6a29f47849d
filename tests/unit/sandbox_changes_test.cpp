// Who takes part, changed behind the client's back: for tests of what a client makes of it.
#include <doctest/doctest.h>

#include "sandbox_desk.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

constexpr WallTime later{std::chrono::milliseconds(1700000000000) + std::chrono::hours(2)};

/// What a participant in a list has after its names.
std::string progress_of(Desk& desk, int number) {
  const std::string body = participants_of(desk).body;
  const auto at = body.find("\"status\"", body.find(id_of(number).text()));
  return body.substr(at, body.find('}', at) - at);
}

std::string record_of(Desk& desk) {
  std::string lines;
  desk.sandbox.append_lines(lines, RecordLines::members, 0, 100);
  return lines;
}

SandboxReply post_change(Desk& desk, std::string_view query) {
  return desk.ask({.method = "POST",
                   .target = fmt::format("/_sandbox/participants{}", query),
                   .authorization = "",
                   .content_type = "",
                   .body = ""});
}

}  // namespace

TEST_CASE("who started, completed or was unenrolled has the times and the rate that go with it") {
  Desk desk;
  desk.post(body_of({1, 2, 3, 4}));
  const auto change = [&](int number, ParticipantChange what) {
    return desk.sandbox.change_participants("c1", id_of(number).text(), what, later);
  };
  CHECK(change(1, ParticipantChange::started) == 1);
  CHECK(change(2, ParticipantChange::completed) == 1);
  CHECK(change(3, ParticipantChange::unenrolled) == 1);
  const std::string invited = R"("invitedAt":"2023-11-14T22:13:20.000Z",)";
  const std::string time = R"("2023-11-15T00:13:20.000Z")";
  const std::string started = progress_of(desk, 1);
  CHECK(started.starts_with(R"("status":"Started",)" + invited + R"("startedAt":)" + time +
                            R"(,"completedAt":null,"unenrolledAt":null,"lastActivityAt":)" + time +
                            R"(,"completionRate":)"));
  CHECK_FALSE(started.ends_with(":0"));
  CHECK_FALSE(started.ends_with(":100"));
  CHECK(progress_of(desk, 2) == R"("status":"Completed",)" + invited + R"("startedAt":)" + time + R"(,"completedAt":)" +
                                    time + R"(,"unenrolledAt":null,"lastActivityAt":)" + time +
                                    R"(,"completionRate":100)");
  CHECK(progress_of(desk, 3) == R"("status":"Unenrolled",)" + invited +
                                    R"("startedAt":null,"completedAt":null,"unenrolledAt":)" + time +
                                    R"(,"lastActivityAt":)" + time + R"(,"completionRate":0)");
  CHECK(progress_of(desk, 4).starts_with(R"("status":"Invited",)"));
  for (const auto* status : {"Invited", "Started", "Completed", "Unenrolled"}) {
    CAPTURE(status);
    CHECK(participants_of(desk, fmt::format("?status[eq]={}", status)).body.ends_with(R"("total":1})"));
    CHECK(count(record_of(desk), fmt::format(R"("status":"{}"}})", status)) == 1);
  }
  CHECK(desk.post(body_of({1, 2, 3, 4})).status == 200);
  CHECK(desk.sandbox.stats().members_invited == 4);
}

TEST_CASE("who was removed is in no list, and a call that names it invites it anew, whatever it was before") {
  SandboxSettings settings;
  settings.started = {id_of(3).text()};
  Desk desk(settings);
  desk.post(body_of({1, 2, 3}));
  desk.sandbox.change_participants("", id_of(1).text(), ParticipantChange::completed, later);
  CHECK(desk.sandbox.change_participants("", id_of(2).text(), ParticipantChange::removed, later) == 1);
  CHECK(count(participants_of(desk).body, id_of(2).text()) == 0);
  CHECK(desk.sandbox.change_participants("", "", ParticipantChange::removed, later) == 2);
  CHECK(participants_of(desk).body == R"({"items":[],"total":0})");
  CHECK(count(record_of(desk), R"("invited":false,)") == 3);
  CHECK(count(record_of(desk), R"("status":null})") == 3);
  CHECK(desk.sandbox.stats().members_invited == 0);

  const auto anew = desk.post(body_of({1, 3}));
  CHECK(anew.status == 201);
  CHECK(count(anew.body, R"("status":"Invited")") == 2);
  CHECK(count(anew.body, R"("lastActivityAt":null,"completionRate":0})") == 2);
  CHECK(participants_of(desk, "?status[eq]=Invited").body.ends_with(R"("total":2})"));
  CHECK(count(participants_of(desk).body, id_of(1).text()) == 1);
  CHECK(desk.sandbox.stats().members_invited == 2);
  CHECK(desk.sandbox.stats().invitations == 4);
}

TEST_CASE("only participants of the course, and with the beginning that is named, are changed, and only once") {
  Desk desk;
  const std::string other = "ab000000-0000-4000-8000-000000000001";
  for (const auto* course : {"c1", "c2"}) {
    desk.post(body_of({other, id_of(1).text()}), fmt::format("/v1/courses/{}/participants~bulkInvite", course));
  }
  desk.post(body_of({other}), "/v1/learningPaths/c1/participants~bulkInvite");
  desk.post(body_of({other}), "/v1/channels/c1/spotMembers~bulkAdd");
  const auto change = [&](std::string_view course, std::string_view prefix) {
    return desk.sandbox.change_participants(course, prefix, ParticipantChange::started, later);
  };
  CHECK(change("c3", "") == 0);
  CHECK(change("c1", "ac") == 0);
  CHECK(change("c1", "ab") == 1);
  CHECK(change("c1", "") == 1);
  CHECK(change("", "ab") == 1);
  CHECK(change("", "") == 1);
  CHECK(change("", "") == 0);
  CHECK(count(record_of(desk), R"("status":"Started")") == 4);
}

TEST_CASE("a change is never told to have come before the invitation") {
  Desk desk;
  desk.post(body_of({1}));
  desk.sandbox.change_participants("", "", ParticipantChange::started, WallTime{});
  CHECK(progress_of(desk, 1).find(R"("startedAt":"2023-11-14T22:13:20.000Z")") != std::string::npos);
}

TEST_CASE("participants are changed over HTTP too, which is no request to the API") {
  SandboxSettings settings;
  settings.limits = {{1, 10s}};
  Desk desk(settings);
  desk.post(body_of({"ab000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000001"}),
            "/v1/courses/a%2Fb/participants~bulkInvite");
  CHECK(post_change(desk, "?course=c1&becomes=Started").body == R"({"changed":0})");
  const auto changed = post_change(desk, "?course=a%2fb&prefix=AB&becomes=Started");
  CHECK(changed.status == 200);
  CHECK(changed.body == R"({"changed":1})");
  CHECK(post_change(desk, "?becomes=Completed").body == R"({"changed":2})");
  CHECK(post_change(desk, "?prefix=%61b&becomes=Unenrolled").body == R"({"changed":1})");
  CHECK(post_change(desk, "?becomes=removed&course=a%2Fb").body == R"({"changed":2})");
  CHECK(desk.sandbox.stats().requests == 1);
  CHECK(desk.sandbox.windows()[0].over == 0);
}

TEST_CASE("a change over HTTP that is not understood is refused, and changes nobody") {
  SandboxSettings settings;
  settings.courses = {"c1"};
  Desk desk(settings);
  desk.post(body_of({1}));
  for (const auto* query : {"", "?", "?becomes=", "?becomes=Invited", "?becomes=started",
                            "?becomes=Started&becomes=Started", "?becomes=Started&prefix=0g",
                            "?becomes=Started&prefix=", "?becomes=Started&course=", "?becomes=Started&course=%",
                            "?becomes=Started&course=c2", "?becomes=Started&page=1", "?becomes=Started&x=1"}) {
    CAPTURE(query);
    const auto reply = post_change(desk, query);
    CHECK(reply.status == 400);
    CHECK(reply.body.find(R"("message":")") != std::string::npos);
  }
  CHECK(desk.get("/_sandbox/participants?becomes=Started").allow == "POST");
  CHECK(participants_of(desk, "?status[eq]=Invited").body.ends_with(R"("total":1})"));
}
