// The sandbox's lists of courses, and of who takes part in one.
#include <doctest/doctest.h>

#include "sandbox_desk.h"

using namespace convoke;

namespace {

std::string courses_of(Desk& desk, std::string_view query = "") {
  return desk.get(fmt::format("/v1/courses{}", query)).body;
}

constexpr std::string_view none = R"({"items":[],"total":0})";

}  // namespace

TEST_CASE("courses are listed with title, status and privacy; those of the settings, drafts too") {
  SandboxSettings settings;
  settings.courses = {"c1", "c2"};
  settings.draft_courses = {"c2", "c3"};
  Desk desk(settings);
  CHECK(courses_of(desk) == R"({"items":[{"id":"c1","title":"Course c1","status":"Published","privacy":"Public"},)"
                            R"({"id":"c2","title":"Course c2","status":"Draft","privacy":"Public"},)"
                            R"({"id":"c3","title":"Course c3","status":"Draft","privacy":"Public"}],"total":3})");
  CHECK(courses_of(desk, "?status[eq]=Published") ==
        R"({"items":[{"id":"c1","title":"Course c1","status":"Published","privacy":"Public"}],"total":1})");
  CHECK(courses_of(desk, "?privacy%5Beq%5D=Private") == none);
  CHECK(courses_of(desk, "?status[eq]=Draft&privacy[eq]=Public&limit=1&page=2") ==
        R"({"items":[{"id":"c3","title":"Course c3","status":"Draft","privacy":"Public"}],"total":2})");
  CHECK(desk.post(body_of({1}), "/v1/courses/c3/participants~bulkInvite").status == 201);
  CHECK(desk.post(body_of({1}), "/v1/courses/c4/participants~bulkInvite").status == 404);
  for (const auto* query : {"?status=Draft", "?status[in]=Draft", "?page=0", "?status[eq]=", "?x"}) {
    CAPTURE(query);
    CHECK(desk.get(fmt::format("/v1/courses{}", query)).status == 400);
  }
  CHECK(desk.post("{}", "/v1/courses").allow == "GET");
}

TEST_CASE(
    "where any course will do there is no list of them, unless there are drafts: then those that were asked for, too") {
  Desk anything;
  CHECK(courses_of(anything) == R"({"message":"no list of courses","statusCode":404})");
  SandboxSettings settings;
  settings.draft_courses = {"draft"};
  Desk desk(settings);
  desk.post(body_of({1}), "/v1/courses/a%22b/participants~bulkInvite");
  desk.post(body_of({1}), "/v1/learningPaths/lp/participants~bulkInvite");
  participants_of(desk, "", "c2");
  const std::string courses = courses_of(desk);
  CHECK(courses.starts_with(R"({"items":[{"id":"draft",)"));
  CHECK(courses.find(R"({"id":"a\"b","title":"Course a\"b")") != std::string::npos);
  CHECK(courses.ends_with(R"("total":3})"));
  CHECK(count(courses, R"("id":"c2")") == 1);
}

TEST_CASE("participants are listed page by page, each once, by status and by address") {
  SandboxSettings settings;
  settings.started = {"00000000-0000-4000-8000-0000000000cc"};
  settings.ignore = {"00000000-0000-4000-8000-0000000000aa"};
  settings.page_limit = 2;
  Desk desk(settings);
  desk.post(body_of({1, 2, 3, 0xcc, 0xaa}));
  std::string pages;
  for (const int page : {1, 2, 3}) {
    const auto reply = participants_of(desk, fmt::format("?page={}", page));
    CHECK(reply.body.ends_with(R"("total":4})"));
    CHECK(count(reply.body, "\"spotMemberId\"") == (page == 3 ? 0 : 2));
    pages += reply.body;
  }
  for (const int number : {1, 2, 3, 0xcc}) CHECK(count(pages, id_of(number).text()) == 1);

  CHECK(participants_of(desk, "?status[eq]=Started").body.ends_with(R"("total":1})"));
  CHECK(participants_of(desk, "?status[in]=Started,Completed").body.ends_with(R"("total":1})"));
  CHECK(participants_of(desk, "?status[in]=Invited,Started&limit=1").body.ends_with(R"("total":4})"));
  CHECK(participants_of(desk, "?status[in]=Invited&status[eq]=Started").body == none);
  for (const auto* query : {"?status[eq]=Draft", "?status[in]=Invited,x", "?spotMemberId[in]=x", "?limit=0"}) {
    CAPTURE(query);
    CHECK(participants_of(desk, query).status == 400);
  }
}

TEST_CASE("pages are numbered from 0 or from 1, as the settings say, and a call that names none gets the first") {
  for (const std::size_t first : {0U, 1U}) {
    SandboxSettings settings;
    settings.first_page = first;
    settings.page_limit = 2;
    settings.courses = {"c1", "c2", "c3"};
    Desk desk(settings);
    CHECK(courses_of(desk) == courses_of(desk, fmt::format("?page={}", first)));
    CHECK(count(courses_of(desk), "\"id\"") == 2);
    CHECK(courses_of(desk, fmt::format("?page={}", first + 1)).starts_with(R"({"items":[{"id":"c3")"));
    CHECK(courses_of(desk, fmt::format("?page={}", first + 2)) == R"({"items":[],"total":3})");
    CHECK(desk.get("/v1/courses?page=0").status == (first == 0 ? 200 : 400));
    CHECK(desk.get("/v1/courses?limit=0").status == 400);
  }
}

TEST_CASE("a page larger than there are is cut, or refused if the settings say so") {
  for (const bool refuses : {false, true}) {
    SandboxSettings settings;
    settings.page_limit = 2;
    settings.refuse_large_pages = refuses;
    settings.draft_courses = {"draft"};
    Desk desk(settings);
    desk.post(body_of({1, 2, 3}));
    const auto larger = participants_of(desk, "?limit=3");
    CHECK(larger.status == (refuses ? 400 : 200));
    CHECK(count(larger.body, "\"spotMemberId\"") == (refuses ? 0 : 2));
    CHECK((larger.body.find("limit must not be greater than 2") != std::string::npos) == refuses);
    CHECK(count(participants_of(desk, "?limit=2").body, "\"spotMemberId\"") == 2);
    CHECK(desk.get("/v1/courses?limit=3").status == (refuses ? 400 : 200));
    CHECK(desk.get("/v1/spotMembers?email[in]=a%40x&limit=3").status == (refuses ? 400 : 200));
  }
}

TEST_CASE("participants are found by the address they are shown with") {
  Desk desk;
  desk.get("/v1/spotMembers?email[in]=a%40x");
  const std::string id = desk.sandbox.spot_members().member_of("a@x")->text();
  desk.post(body_of({id}));
  const auto invited = desk.post(body_of({1, 2})).body;
  const auto by_address = [&](std::string_view addresses) {
    return participants_of(desk, fmt::format("?email[in]={}", addresses)).body;
  };
  CHECK(count(by_address("A%40X,b%40x"), id) == 1);
  CHECK(by_address("b%40x") == none);
  // One whose address nobody named has one that is made up.
  const auto at = invited.find("\"spotMemberEmail\":\"") + 19;
  const std::string made_up = invited.substr(at, invited.find('"', at) - at);
  CHECK(count(by_address(made_up), id_of(1).text()) == 1);
  CHECK(by_address(made_up + ",a%40x").ends_with(R"("total":2})"));
  CHECK(participants_of(desk, "?email[in]=a%40x", "c2").body == none);
}

TEST_CASE("a course that is not there has no participants to list") {
  SandboxSettings settings;
  settings.courses = {"c1"};
  Desk desk(settings);
  CHECK(participants_of(desk).status == 200);
  CHECK(participants_of(desk, "", "c2").status == 404);
}
