// Lists of the API's, page by page: what is asked for next, what an answer says of a page, and when all is read.
#include "ledger/paging.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <random>

#include "api/pages.h"
#include "judged.h"
#include "ledger/course_search.h"
#include "ledger/participant_columns.h"

using namespace convoke;

namespace {

using EntryNumbers = std::vector<int>;

Page page_of(const EntryNumbers& entries, std::optional<std::int64_t> total) {
  Page page;
  page.total = total;
  page.entries = static_cast<std::int64_t>(entries.size());
  for (const int entry : entries) page.mark += std::mt19937_64(static_cast<std::uint64_t>(entry))();
  return page;
}

Page page_of(Page::Kind kind) {
  Page page;
  page.kind = kind;
  return page;
}

// A server's list: what it answers to a page, at the n-th call.
struct Server {
  int size = 0;
  int first_page = 1;
  int most = 100;  // entries of a page
  bool refuses_more = false;
  bool says_total = true;
  bool refuses_beyond = false;

  Page operator()(const PageAsked& asked) const {
    if (refuses_more && asked.size > most) return page_of(Page::Kind::too_large);
    const int limit = asked.size > 0 ? std::min(asked.size, most) : std::min(most, 10);
    const int number = asked.number > 0 ? asked.number : first_page;
    const int begin = (number - first_page) * limit;
    if (refuses_beyond && begin >= size && number != first_page) return page_of(Page::Kind::none);
    EntryNumbers entries;
    for (int i = begin; i < std::min(begin + limit, size); ++i) entries.push_back(i + 1);
    return page_of(entries, says_total ? std::optional<std::int64_t>(size) : std::nullopt);
  }
};

// Reads a list to its end; how many calls that takes.
int read_all(Paging& paging, const std::function<Page(const PageAsked&)>& server) {
  int calls = 0;
  while (!paging.is_read) {
    REQUIRE(++calls < 100'000);
    paging.take(server(paging.asked));
  }
  return calls;
}

std::string participants_page(const std::vector<std::string>& items, const std::string& total) {
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ",") + item;
  return fmt::format(R"({{"items":[{}],"total":{}}})", list, total);
}

Judgement of_page(Step step, PageAsked page = {0, 1000, false}) {
  Judgement how = judgement();
  how.step = step;
  how.target_id = "c";
  how.page = page;
  return how;
}

Chunk turn() {
  return chunk_of(0);
}

Page::Kind kind_of(int status, Step step, PageAsked page) {
  Answer answer = answered(status);
  return judge(answer, turn(), of_page(step, page)).page.value().kind;
}

}  // namespace

TEST_CASE(
    "whatever a server's pages are like, each entry of a list that rests is read once, and it is known to be all") {
  std::mt19937_64 random(7);
  const auto number = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  for (int i = 0; i < 3000; ++i) {
    const Server server{number(0, 400),    number(0, 1),     number(1, 150),
                        number(0, 1) == 0, number(0, 3) > 0, number(0, 1) == 0};
    CAPTURE(i);
    CAPTURE(server.size);
    CAPTURE(server.most);
    Paging paging;
    const int calls = read_all(paging, server);
    REQUIRE(paging.read == server.size);
    REQUIRE(paging.pass == 1);
    REQUIRE(paging.is_sure(server.size) == server.says_total);
    REQUIRE(!paging.is_sure(server.size - 1));
    // Two to find a size, one for the first page again, one for an empty one.
    const int size = server.refuses_more && server.most < 100 ? std::min(server.most, 10) : server.most;
    REQUIRE(calls <= (server.size + size - 1) / size + 5);
  }
}

TEST_CASE("the first page is asked for without a number, and a list of one page in one call") {
  Paging paging;
  CHECK(paging.asked.number == 0);
  CHECK(paging.take(page_of({1, 2, 3}, 3)));
  CHECK(paging.is_read);
  CHECK(paging.is_sure(3));
  Paging empty;
  CHECK(!empty.take(page_of({}, 0)));
  CHECK(empty.is_sure(0));
}

TEST_CASE("a list that moves while it is read is not sure, and is read again") {
  Paging paging;
  CHECK(paging.take(page_of({1, 2}, 4)));
  CHECK(paging.take(page_of({3, 4}, 5)));
  CHECK(!paging.is_read);
  CHECK(paging.take(page_of({5}, 5)));
  CHECK(paging.is_read);
  CHECK(!paging.is_sure(5));
  paging.begin_again();
  CHECK(paging.pass == 2);
  CHECK(paging.asked.number == 0);
  CHECK(paging.take(page_of({1, 2, 3, 4, 5}, 5)));
  CHECK(paging.is_sure(5));
}

TEST_CASE("a server that gives the same page whatever is asked for, or pages for ever, is not read for ever") {
  Paging same;
  CHECK(read_all(same, [](const PageAsked&) { return page_of({1, 2}, 9); }) == 3);
  CHECK(!same.is_sure(2));
  int next = 0;
  const auto endless = [&](const PageAsked&) {
    EntryNumbers entries(1000);
    for (int& entry : entries) entry = ++next;
    return page_of(entries, next * 2);
  };
  Paging growing;
  CHECK(read_all(growing, endless) < 200);
  CHECK(!growing.is_sure(growing.read));
}

TEST_CASE("pages that come round again are seen to, and end the list, which is not sure then") {
  for (const int length : {2, 3, 7, 20}) {
    Paging paging;
    const int calls = read_all(paging, [&](const PageAsked& asked) {
      const int number = asked.number % length;
      return page_of({10 * number + 1, 10 * number + 2}, std::nullopt);
    });
    CAPTURE(length);
    CHECK(calls <= 4 * length + 4);
    CHECK(!paging.is_at_end);
    CHECK(!paging.may_be_read_again(2, 2));  // nobody says how long it is
  }
}

TEST_CASE("a total that the pages belie is not believed: the list is read until it ends") {
  for (const std::int64_t total : {0, 1, 99}) {
    Paging paging;
    CAPTURE(total);
    read_all(paging, [&](const PageAsked& asked) {
      Page page = Server{250, 1}(asked);
      page.total = total;
      return page;
    });
    CHECK(paging.read == 250);
    CHECK(!paging.is_sure(250));
  }
}

TEST_CASE("a list that moves between the first page and the first with a number does not lose its tail") {
  Paging paging;
  int size = 240;
  read_all(paging, [&](const PageAsked& asked) {
    // The newest first: each newcomer pushes the others on.
    EntryNumbers entries;
    const int number = asked.number > 0 ? asked.number : 1;
    for (int i = (number - 1) * 100; i < std::min(number * 100, size); ++i) entries.push_back(size - i);
    return page_of(entries, size++);
  });
  CHECK(paging.asked.number == 4);
  CHECK(paging.latest_mark == page_of(
                                  [] {
                                    EntryNumbers last;
                                    for (int i = 43; i > 0; --i) last.push_back(i);
                                    return last;
                                  }(),
                                  1)
                                  .mark);
}

TEST_CASE("a course is found by its id in either case, and by the same letters before all others") {
  const auto searched = [](std::set<std::string> courses, const std::vector<Page>& pages) {
    CourseSearch search(courses);
    for (const Page& page : pages) {
      if (!search.paging().is_read) search.take(page);
    }
    return search;
  };
  const auto courses_page = [](std::vector<ListedCourse> courses, std::optional<std::int64_t> total) {
    Page page;
    page.entries = static_cast<std::int64_t>(courses.size());
    page.mark = courses.empty() ? 0 : std::hash<std::string>{}(courses.front().id);
    page.total = total;
    page.courses = std::move(courses);
    return page;
  };
  const auto states_of = [](const CourseSearch& search) {
    std::string text;
    for (const CourseState& state : search.states())
      text += fmt::format("{}{} ", state.course, "tdmu"[static_cast<int>(state.is)]);
    return text;
  };
  CHECK(states_of(searched({"abc"}, {courses_page({{"ABC", "Published"}}, 1)})) == "abct ");
  CHECK(states_of(searched({"abc"}, {courses_page({{"abc", "Draft"}, {"ABC", "Published"}}, 2)})) == "abcd ");
  CHECK(states_of(searched({"ABC", "abc"}, {courses_page({{"ABC", "x"}, {"abc", "DRAFT"}}, 2)})) == "ABCt abcd ");
  CHECK(searched({"a"}, {courses_page({{"a", "x"}}, 100)}).paging().is_read);  // no page more
  CHECK(!searched({"a"}, {courses_page({{"A", "x"}}, 100)}).paging().is_read);
  CHECK(states_of(searched({"a", "b"}, {courses_page({{"a", "x"}, {"c", "x"}}, 2)})) == "at bm ");
  // What is not all of the list proves nothing.
  Page unreadable = courses_page({{"c", "x"}}, 2);
  unreadable.entries = 2;
  unreadable.unreadable = 1;
  CHECK(states_of(searched({"a"}, {unreadable})) == "au ");
  const std::vector<Page> moving = {courses_page({{"1", "x"}, {"2", "x"}}, 4),
                                    courses_page({{"2", "x"}, {"3", "x"}}, 4), courses_page({}, 4)};
  std::vector<Page> thrice;
  for (int pass = 0; pass < 3; ++pass) thrice.insert(thrice.end(), moving.begin(), moving.end());
  CHECK(states_of(searched({"a"}, thrice)) == "au ");
  thrice.push_back(courses_page({{"a", "x"}}, 4));
  CHECK(states_of(searched({"a"}, {moving[0], moving[1], moving[2],
                                   courses_page({{"1", "x"}, {"a", "x"}, {"2", "x"}, {"3", "x"}}, 4)})) == "at ");
  // Without a total it ends where a page is empty, and that proves it.
  CHECK(states_of(searched({"a"}, {courses_page({{"1", "x"}}, {}), courses_page({}, {})})) == "am ");
  CHECK(states_of(searched({"a"}, {courses_page({{"1", "x"}}, {}), courses_page({{"1", "x"}}, {}),
                                   courses_page({{"1", "x"}}, {})})) == "au ");
  const CourseSearch none = searched({"a"}, {[] {
                                       Page page;
                                       page.kind = Page::Kind::not_offered;
                                       page.words = "HTTP 404";
                                       return page;
                                     }()});
  CHECK(states_of(none) == "au ");
  CHECK(none.trouble() == "HTTP 404");
}

TEST_CASE("entries that name nobody, or are of another course, are of the list, and keep it from being unsure") {
  Paging paging;
  Page page = page_of({1, 2, 3}, 3);
  page.unreadable = 1;
  page.foreign = 1;
  CHECK(paging.take(page));
  CHECK(paging.is_sure(1));
  CHECK(!paging.is_sure(2));
}

TEST_CASE("a page is asked for by its number and size, of a course whose id is one segment") {
  CHECK(page_request({TargetKind::course, "a/b c", Step::verify}, {0, 1000, false}).target ==
        "/v1/courses/a%2Fb%20c/participants?limit=1000");
  CHECK(page_request({TargetKind::course, "c", Step::verify}, {3, 100, true}).target ==
        "/v1/courses/c/participants?page=3&limit=100");
  CHECK(page_request({TargetKind::course, "c", Step::verify}, {0, 0, false}).target == "/v1/courses/c/participants");
  CHECK(page_request({TargetKind::course, "", Step::look}, {2, 0, true}).target == "/v1/courses?page=2");
}

TEST_CASE("a page says who takes part and how; who is of another course, or nobody, is counted and no more") {
  std::string another = participant(id(3));
  another.replace(another.find(R"("c")"), 3, R"("d")");
  Answer answer = answered(
      200, participants_page({participant(id(2)), R"({"spotMemberId":"me"})", another, participant(id(1))}, "7"));
  const Verdict verdict = judge(answer, turn(), of_page(Step::verify));
  CHECK(verdict.accepted);
  CHECK(verdict.reason == Reason::none);
  const Page& page = verdict.page.value();
  CHECK(page.entries == 4);
  CHECK(page.unreadable == 1);
  CHECK(page.foreign == 1);
  CHECK(page.total == 7);
  REQUIRE(page.participants.size() == 2);
  CHECK(page.participants[0].member == member(2));
  CHECK(page.participants[0].said ==
        fmt::format(R"(["p-{}","Invited","2026-01-02T03:04:05.678Z",null,null,null,null,0])", id(2)));
  Judgement with_profile = of_page(Step::verify);
  with_profile.keep_profile = KeepProfile::yes;
  Answer again = answered(200, participants_page({participant(id(2))}, "1"));
  CHECK(judge(again, turn(), with_profile).page->participants[0].said.find(id(2) + "@example.org") !=
        std::string::npos);
}

TEST_CASE("a page of courses says which there are, and which are Drafts") {
  Answer answer = answered(
      200,
      R"({"total":3,"items":[{"id":"a","status":"Draft","title":null},{"status":"Published","id":7},{"title":"x"}]})");
  const Page page = judge(answer, turn(), of_page(Step::look)).page.value();
  REQUIRE(page.courses.size() == 2);
  CHECK(page.courses[0].id == "a");
  CHECK(page.courses[0].status == "Draft");
  CHECK(page.courses[1].id == "7");
  CHECK(page.unreadable == 1);
  CHECK(page.entries == 3);
}

TEST_CASE("what refuses a page says that there is none, that it asks for too much, or that there is no such list") {
  using Kind = Page::Kind;
  CHECK(kind_of(404, Step::verify, {3, 100, true}) == Kind::none);
  CHECK(kind_of(400, Step::verify, {3, 100, true}) == Kind::none);
  CHECK(kind_of(400, Step::verify, {0, 1000, false}) == Kind::too_large);
  CHECK(kind_of(413, Step::look, {0, 100, false}) == Kind::too_large);
  for (const int status : {404, 405, 410, 501})
    CHECK(kind_of(status, Step::look, {0, 1000, false}) == Kind::not_offered);
  for (const int status : {204, 201, 418, 200}) CHECK(kind_of(status, Step::look, {0, 1000, false}) == Kind::odd);
  CHECK(kind_of(400, Step::look, {0, 0, false}) == Kind::odd);
}

TEST_CASE("the rest is trouble as of any call that only reads: it is tried again, stops the run, or names the course") {
  struct Row {
    int status;
    std::string verdict;
  };
  for (const Row& row : {Row{404, "0 pending 404 a1 | refuse_target"}, Row{400, "0 pending 400 a1 | stop"},
                         Row{401, "0 pending 401 a1 | stop"}, Row{429, "0 pending 429 a0 | pause refuses"},
                         Row{503, "0 pending 503 a1 t1 +1s | fails"}, Row{500, "0 pending 500 a1 t1 +1s | fails"}}) {
    CAPTURE(row.status);
    Judgement how = of_page(Step::verify, {0, 0, false});
    how.on_doubt = OnDoubt::hold;
    Answer answer = answered(row.status);
    const Verdict verdict = judge(answer, turn(), how);
    CHECK(describe(verdict, turn()) == row.verdict);
    CHECK(!verdict.page);
    CHECK(!verdict.pieces[0].fate.doubt);
  }
  Answer lost = not_answered(Answer::Reached::maybe);
  CHECK(describe(judge(lost, turn(), of_page(Step::verify)), turn()) == "0 pending 0 a1 t1 +1s | fails");
}

TEST_CASE("pages of other entries differ, also where none of them is of the course") {
  const auto mark = [](std::uint64_t number) {
    std::string another = participant(id(number));
    another.replace(another.find(R"("c")"), 3, R"("d")");
    Answer answer = answered(200, participants_page({another}, "9"));
    return judge(answer, turn(), of_page(Step::verify)).page->mark;
  };
  CHECK(mark(1) == mark(1));
  CHECK(mark(1) != mark(2));
  Answer nobody = answered(200, participants_page({"{}", "{}"}, "9"));
  CHECK(judge(nobody, turn(), of_page(Step::verify)).page->mark == 0);
  Paging paging;
  int pages = 0;
  read_all(paging, [&](const PageAsked&) {  // three of them, and then somebody
    Page page = page_of(++pages < 4 ? EntryNumbers(2) : EntryNumbers{1, 2}, 8);
    if (pages < 4) page.mark = 0;
    return pages > 4 ? page_of({}, 8) : page;
  });
  CHECK(paging.read == 8);
}

TEST_CASE("columns are made of what is said of each member, and keep what was known of the others") {
  ParticipantColumns before;
  before.participant_status = "Invited";
  before.participant_id = R"(["p1","p2","p3"])";
  before.completion_rate = "0";
  before.profile = R"([{"a":1},null,{"a":3}])";
  const ParticipantColumns now =
      columns_of({"", R"(["q2","Completed","2026-01-01T00:00:00.000Z",null,null,null,null,100])", ""}, before);
  CHECK(now.participant_status == R"(["Invited","Completed","Invited"])");
  CHECK(now.participant_id == R"(["p1","q2","p3"])");
  CHECK(now.invited_at == R"([null,"2026-01-01T00:00:00.000Z",null])");
  CHECK(now.completion_rate == "[0,100,0]");
  CHECK(now.started_at.empty());
  CHECK(now.profile == before.profile);
  CHECK(texts_of(now.participant_status, 3) == std::vector<std::string>{"Invited", "Completed", "Invited"});
  CHECK(texts_of("", 2) == std::vector<std::string>(2));
  // Said of all alike, it is one value again.
  const ParticipantColumns alike =
      columns_of(std::vector<std::string>(2, R"(["p","St\"rted",null,null,null,null,null,50])"), {});
  CHECK(alike.participant_id == "p");
  CHECK(alike.participant_status == R"(["St\"rted","St\"rted"])");
  CHECK(alike.completion_rate == "50");
  CHECK(columns_of(std::vector<std::string>(2, R"(["p","St\"rted",null,null,null,null,null,50])"), alike) == alike);
  CHECK(columns_of(std::vector<std::string>(2), alike) == alike);
  // An id and a status are never null: where they are left out, nothing is said of them.
  ParticipantColumns known;
  known.participant_id = "p";
  known.participant_status = "S";
  CHECK(columns_of({R"([null,null,null,null,null,null,null,60])"}, known).participant_status == "S");
}
