// What the sandbox answers and what it remembers of it: a pure function, so everything here is virtual time.
#include <doctest/doctest.h>

#include "sandbox_desk.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("the newly invited are answered with all attributes of the contract") {
  Desk desk;
  const auto reply = desk.post(body_of({1, 2}));
  CHECK(reply.status == 201);
  CHECK(reply.content_type.starts_with("application/json"));
  for (const auto* attribute :
       {"\"id\":\"", "\"courseId\":\"c1\"", "\"spotMemberId\":\"00000000-0000-4000-8000-00000000000",
        "\"spotMemberEmail\":\"", "\"spotMemberFirstname\":", "\"spotMemberLastname\":", "\"status\":\"Invited\"",
        "\"invitedAt\":\"2023-11-14T22:13:20.000Z\"", "\"startedAt\":null", "\"completedAt\":null",
        "\"unenrolledAt\":null", "\"lastActivityAt\":null", "\"completionRate\":0"}) {
    CAPTURE(attribute);
    CHECK(count(reply.body, attribute) == 2);
  }
  CHECK(reply.body.front() == '[');
  CHECK(reply.body.back() == ']');
  CHECK(reply.body == Desk().post(body_of({1, 2})).body);
}

TEST_CASE("a call with members invited already answers with the others only, and with 200 if there are none") {
  Desk desk;
  desk.post(body_of({1}));
  const auto mixed = desk.post(body_of({1, 2}));
  CHECK(mixed.status == 201);
  CHECK(count(mixed.body, "spotMemberId\"") == 1);
  CHECK(mixed.body.find(id_of(2).text()) != std::string::npos);

  const auto again = desk.post(body_of({2, 1}));
  CHECK(again.status == 200);
  CHECK(again.body.empty());
  CHECK(again.content_type.empty());
  CHECK(desk.member(1)->asked == 3);
  CHECK(desk.sandbox.stats().asked_again == 3);
  CHECK(desk.sandbox.stats().invitations == 2);
}

TEST_CASE("the same id in another case, or twice in a call, is the one member once") {
  Desk desk;
  const auto reply =
      desk.post(body_of({"ABCDEF00-0000-4000-8000-000000000000", "abcdef00-0000-4000-8000-000000000000"}));
  CHECK(count(reply.body, "abcdef00-0000-4000-8000-000000000000") == 1);
  CHECK(desk.sandbox.members().size() == 1);
  CHECK(desk.sandbox.stats().members_asked == 1);
}

TEST_CASE("courses are told apart by their decoded id, and a member of one is new to another") {
  Desk desk;
  CHECK(desk.post(body_of({1}), "/v1/courses/a%2Fb%20c/participants~bulkInvite").status == 201);
  CHECK(desk.member(1, "a/b c") != nullptr);
  CHECK(desk.post(body_of({1}), "/v1/courses/a%2fb%20c/participants%7EbulkInvite").status == 200);
  CHECK(desk.post(body_of({1}), "http://host/v1/courses/c2/participants~bulkInvite").status == 201);
}

TEST_CASE("a body that is not the contract's is refused, and nobody is invited") {
  Desk desk;
  const std::string id = id_of(1).text();
  for (const std::string& body :
       {std::string(""), std::string("["), std::string("[]"), std::string("{}"), std::string(R"({"spotMemberIds":[]})"),
        std::string(R"({"spotMemberIds":null})"), std::string(R"({"spotMemberIds":"x"})"),
        std::string(R"({"spotMemberIds":[1]})"), std::string(R"({"spotMemberIds":["x"]})"), body_of({id + " "}),
        body_of({id}) + "x", body_of({id}, R"(,"spotMemberIds":[])"), body_of({id}, R"(,"invitedBySpotMemberId":null)"),
        body_of({id}, R"(,"invitedBySpotMemberId":1)"), body_of({id}, R"(,"withEmailNotification":null)"),
        body_of({id}, R"(,"withEmailNotification":"true")"), body_of({id}, R"(,"other":1)")}) {
    CAPTURE(body);
    const auto reply = desk.post(body);
    CHECK(reply.status == 400);
    CHECK(reply.body.find("message") != std::string::npos);
    CHECK(reply.body.find(id) == std::string::npos);
  }
  CHECK(desk.sandbox.members().size() == 0);
  CHECK(desk.post(body_of({id}, R"(,"invitedBySpotMemberId":"x","withEmailNotification":true)")).status == 201);
}

TEST_CASE("method, path, key and content type are looked at") {
  SandboxSettings settings;
  settings.key = "key";
  settings.courses = {"c1"};
  settings.max_ids = 2;
  Desk desk(settings);
  const std::string body = body_of({1});
  SandboxRequest request{.method = "POST",
                         .target = invite_path,
                         .authorization = "key",
                         .content_type = "Application/JSON; charset=utf-8",
                         .body = body};
  const auto with = [&](auto change) {
    SandboxRequest changed = request;
    change(changed);
    return desk.ask(changed);
  };
  CHECK(with([](auto& r) { r.method = "PUT"; }).status == 405);
  CHECK(with([](auto& r) { r.method = "PUT"; }).allow == "POST");
  CHECK(with([](auto& r) { r.authorization = ""; }).status == 401);
  CHECK(with([](auto& r) { r.authorization = "Key"; }).status == 401);
  CHECK(with([](auto& r) { r.authorization = "Bearer key"; }).status == 401);
  CHECK(with([](auto& r) { r.content_type = ""; }).status == 415);
  CHECK(with([](auto& r) { r.content_type = "application/json5"; }).status == 415);
  CHECK(with([](auto& r) { r.target = "/v1/courses/c2/participants~bulkInvite"; }).status == 404);
  CHECK(with([](auto& r) { r.target = "/v1/courses//participants~bulkInvite"; }).status == 404);
  CHECK(with([](auto& r) { r.target = "/v1/courses/a/b/participants~bulkInvite"; }).status == 404);
  CHECK(with([](auto& r) { r.target = "/v1/courses/%zz/participants~bulkInvite"; }).status == 400);
  CHECK(with([](auto& r) { r.target = "/v1"; }).status == 404);
  CHECK(with([](auto& r) { r.body_too_long = true; }).status == 413);
  CHECK(desk.post(body_of({1, 2, 3})).status == 413);
  CHECK(desk.sandbox.members().size() == 0);
  CHECK(desk.sandbox.stats().requests == 14);
  CHECK(with([](auto& r) { r.target = "/v2"; }).status == 404);
  CHECK(desk.sandbox.stats().requests == 14);
  CHECK(desk.ask(request).status == 201);

  Desk any_key;
  CHECK(any_key
            .ask({.method = "POST", .target = invite_path, .authorization = "Bearer x", .content_type = "", .body = ""})
            .status == 401);
}

TEST_CASE("the window slides: an arrival makes room exactly one window later, not before") {
  SandboxSettings settings;
  settings.limits = {{2, 10s}};
  Desk desk(settings);
  const Instant start = desk.now;
  CHECK(desk.post(body_of({1})).status == 201);
  desk.now = start + 5s;
  CHECK(desk.post(body_of({2})).status == 201);
  desk.now = start + 10s;  // the first has left
  CHECK(desk.post(body_of({3})).status == 201);
  desk.now = start + 15s - 1us;
  const auto over = desk.post(body_of({4}));
  CHECK(over.status == 429);
  CHECK(over.retry_after == 6s);  // the one at 10 and this one fill the window until 20, so 5.000001 s
  CHECK_FALSE(desk.invited(4));
  desk.now = start + 20s - 1us;
  CHECK(desk.post(body_of({4})).status == 429);  // a refused request counts too
  CHECK(desk.sandbox.stats().over_limit == 2);
  CHECK(desk.sandbox.windows()[0].most == 3);
  CHECK(desk.sandbox.windows()[0].over == 2);
}

TEST_CASE("several limits hold at once, and every request counts whatever became of it") {
  SandboxSettings settings;
  settings.limits = {{2, 1s}, {4, 60s}};
  settings.faults = {};
  Desk desk(settings);
  CHECK(desk.post("nonsense").status == 400);
  CHECK(desk.ask({.method = "POST", .target = "/v1", .authorization = "", .content_type = "", .body = ""}).status ==
        401);
  CHECK(desk.post(body_of({1})).retry_after == 1s);
  desk.now += 1s;
  CHECK(desk.post(body_of({1})).status == 201);
  desk.now += 1s;
  const auto over = desk.post(body_of({2}));
  CHECK(over.status == 429);
  CHECK(over.retry_after == 58s);
  CHECK(desk.get("/_sandbox/stats").status == 200);
  CHECK(desk.sandbox.windows()[0].most == 3);
  CHECK(desk.sandbox.windows()[1].most == 5);
}

TEST_CASE("a member that the account does not know refuses the call, which names it only if told to") {
  for (const bool quotes : {false, true}) {
    SandboxSettings settings;
    settings.poison = {"00000000-0000-4000-8000-0000000000FF"};
    settings.quote_poison = quotes;
    Desk desk(settings);
    const auto reply = desk.post(body_of({1, 255, 2}));
    CHECK(reply.status == 400);
    CHECK((reply.body.find(id_of(255).text()) != std::string::npos) == quotes);
    CHECK(reply.body.find(id_of(1).text()) == std::string::npos);
    CHECK_FALSE(desk.invited(1));
    CHECK(desk.member(1)->asked == 1);
    CHECK(desk.post(body_of({1, 2})).status == 201);
    CHECK(desk.post(body_of({255})).status == 400);
    CHECK(desk.member(255)->asked == 2);
  }
}

TEST_CASE("ignored members are in no answer; members invited before are, as such") {
  SandboxSettings settings;
  settings.ignore = {"00000000-0000-4000-8000-0000000000aa"};
  settings.invited = {"00000000-0000-4000-8000-0000000000bb"};
  settings.started = {"00000000-0000-4000-8000-0000000000cc"};
  Desk desk(settings);
  const auto ignored = desk.post(body_of({0xaa}));
  CHECK(ignored.status == 201);
  CHECK(ignored.body == "[]");
  CHECK(desk.post(body_of({0xbb, 0xcc})).status == 200);
  CHECK(desk.post(body_of({0xaa, 0xbb})).body == "[]");
  CHECK(count(desk.post(body_of({0xaa, 0xbb, 1})).body, "spotMemberId\"") == 1);
  CHECK(desk.sandbox.stats().members_invited == 3);
  CHECK(desk.sandbox.stats().invitations == 1);

  const auto all = desk.get("/v1/courses/c1/participants");
  CHECK(all.body.ends_with("],\"total\":3}"));
  CHECK(count(all.body, "\"status\":\"Started\",\"invitedAt\":\"2023-11-13T22:13:20.000Z\",\"startedAt\":\"2023-") ==
        1);
  const auto page = desk.get("/v1/courses/c1/participants?limit=2&page=2");
  CHECK(count(page.body, "spotMemberId\"") == 1);
  CHECK(page.body.ends_with("\"total\":3}"));
  CHECK(desk.get("/v1/courses/c1/participants?page=0").status == 400);
  CHECK(desk.get("/v1/courses/other/participants").body == R"({"items":[],"total":0})");
}

TEST_CASE("mails are remembered, and so is what a repeated call may have mailed again") {
  Desk desk;
  desk.post(body_of({1}));
  desk.post(body_of({1, 2}, R"(,"withEmailNotification":true)"));
  CHECK_FALSE(desk.member(1)->mailed);
  CHECK(desk.member(1)->mails_again == 1);
  CHECK(desk.member(2)->mailed);
  desk.post(body_of({2}, R"(,"withEmailNotification":false)"));
  CHECK(desk.member(2)->mails_again == 0);
  CHECK(desk.sandbox.stats().mails == 1);
  CHECK(desk.sandbox.stats().mails_again == 1);
}

TEST_CASE("that all are invited already is a 204 if the settings say so, and nothing else is") {
  SandboxSettings settings;
  settings.already = 204;
  Desk desk(settings);
  CHECK(desk.post(body_of({1})).status == 201);
  const auto again = desk.post(body_of({1}));
  CHECK(again.status == 204);
  CHECK(again.body.empty());
  CHECK(again.content_type.empty());
  CHECK(desk.post(body_of({1, 2})).status == 201);
  CHECK(desk.get("/v1/courses/c1/participants").status == 200);
}
