#include "api/participants.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include "api/error_body.h"
#include "base/text.h"
#include "members.h"

using namespace convoke;

namespace {

std::string entry(std::uint64_t number, const std::string& more) {
  return fmt::format(R"({{"spotMemberId":"{}"{}{}}})", member(number).text(), more.empty() ? "" : ",", more);
}

std::optional<Participants> read(std::string body, std::size_t count, KeepProfile keep = KeepProfile::no) {
  return read_participants(body, members(count), keep);
}

// The column `completedAt` or any other that holds text, of entries for members 1, 2, ….
std::string id_column(const std::vector<std::string>& values) {
  std::string body = "[";
  for (std::size_t i = 0; i < values.size(); ++i)
    body += (i > 0 ? "," : "") + entry(i + 1, values[i].empty() ? "" : "\"id\":" + values[i]);
  const auto found = read(body + "]", values.size());
  REQUIRE(found);
  return found->columns.participant_id;
}

std::string rate_column(const std::vector<std::string>& values) {
  std::string body = "[";
  for (std::size_t i = 0; i < values.size(); ++i)
    body += (i > 0 ? "," : "") + entry(i + 1, "\"completionRate\":" + values[i]);
  const auto found = read(body + "]", values.size());
  REQUIRE(found);
  return found->columns.completion_rate;
}

// What the ledger's view makes of a column for the member at `index`, NULL as "-".
std::string seen(const std::string& column, int index) {
  SQLite::Database database(":memory:");
  SQLite::Statement query(database, "SELECT iif(?1 LIKE '[%', json_extract(?1, '$[' || ?2 || ']'), ?1)");
  if (!column.empty()) query.bind(1, column);
  query.bind(2, index);
  query.executeStep();
  return query.getColumn(0).isNull() ? "-" : query.getColumn(0).getString();
}

std::string message_of(std::string body) {
  return error_message(body);
}

}  // namespace

TEST_CASE("what all members share is kept once, what differs as an array") {
  CHECK(id_column({"\"a\"", "\"b\"", "\"c\""}) == R"(["a","b","c"])");
  CHECK(id_column({"\"a\"", "\"a\"", "\"a\""}) == "a");
  CHECK(id_column({"null", "null"}) == "");
  CHECK(id_column({"", ""}) == "");
  CHECK(id_column({"\"a\"", "null"}) == R"(["a",null])");
  CHECK(id_column({"null", "\"a\""}) == R"([null,"a"])");
  CHECK(id_column({"\"a\""}) == "a");
  CHECK(rate_column({"50", "50"}) == "50");
  CHECK(rate_column({"0", "100"}) == "[0,100]");
  CHECK(rate_column({"-1"}) == "-1");
}

TEST_CASE("values that would read as an array, or need escapes, are kept so that the view gives them back") {
  struct Row {
    std::string json;
    std::string text;
  };
  for (const Row& row :
       {Row{R"("[1]")", "[1]"}, Row{R"("[")", "["}, Row{R"("")", ""}, Row{R"("a\"b")", "a\"b"},
        Row{R"("a\\b")", "a\\b"}, Row{R"("a\u00e9")", "a\xC3\xA9"}, Row{R"("\ud83d\ude00")", "\xF0\x9F\x98\x80"},
        Row{R"("{}")", "{}"}, Row{R"("null")", "null"}, Row{R"("7")", "7"}, Row{R"("it's")", "it's"},
        Row{R"("tab\there")", "tab\there"}, Row{R"("a\/b")", "a/b"}}) {
    CAPTURE(row.json);
    CHECK(seen(id_column({row.json}), 0) == row.text);
    CHECK(seen(id_column({row.json, row.json}), 1) == row.text);
    CHECK(seen(id_column({row.json, "\"other\""}), 0) == row.text);
    CHECK(seen(id_column({"\"other\"", row.json}), 1) == row.text);
    CHECK(seen(id_column({row.json, "null"}), 1) == "-");
  }
}

TEST_CASE("a wrong type counts as null and harms nobody") {
  CHECK(id_column({"7", "\"b\""}) == R"([null,"b"])");
  CHECK(id_column({"{\"id\":\"x\"}", "\"b\""}) == R"([null,"b"])");
  CHECK(id_column({"[\"x\"]", "\"b\""}) == R"([null,"b"])");
  CHECK(id_column({"true", "\"b\""}) == R"([null,"b"])");
  CHECK(rate_column({"\"50\"", "1"}) == "[null,1]");
  CHECK(rate_column({"50.5", "1"}) == "[null,1]");
  CHECK(rate_column({"1e2", "1"}) == "[null,1]");
  CHECK(rate_column({"99999999999999999999", "1"}) == "[null,1]");
  CHECK(rate_column({"null", "1"}) == "[null,1]");
}

TEST_CASE("each attribute has its column, and columns follow the members, not the answer's order") {
  const std::string body =
      "[" +
      entry(3, R"("id":"p3","status":"Started","invitedAt":"i3","startedAt":"s3","completedAt":null,)"
               R"("unenrolledAt":null,"lastActivityAt":"l","completionRate":30)") +
      "," +
      entry(1, R"("id":"p1","status":"Completed","invitedAt":"i1","startedAt":"s1","completedAt":"c1",)"
               R"("unenrolledAt":"u1","lastActivityAt":"l","completionRate":100)") +
      "]";
  const auto found = read(body, 3);
  REQUIRE(found);
  CHECK(found->named == std::vector<std::uint32_t>{0, 2});
  CHECK(found->columns.participant_id == R"(["p1","p3"])");
  CHECK(found->columns.participant_status == R"(["Completed","Started"])");
  CHECK(found->columns.invited_at == R"(["i1","i3"])");
  CHECK(found->columns.started_at == R"(["s1","s3"])");
  CHECK(found->columns.completed_at == R"(["c1",null])");
  CHECK(found->columns.unenrolled_at == R"(["u1",null])");
  CHECK(found->columns.last_activity_at == "l");
  CHECK(found->columns.completion_rate == "[100,30]");
  CHECK(found->columns.profile == "");
  CHECK_FALSE(found->is_odd());
}

TEST_CASE("names and addresses are kept only if that is asked for, one object a member") {
  const std::string body =
      "[" + entry(2, R"("spotMemberEmail":"b@x","spotMemberFirstname":"B \"b\"","spotMemberLastname":null)") + "," +
      entry(1, R"("spotMemberEmail":"a@x","spotMemberFirstname":7)") + "]";
  CHECK(read(body, 2)->columns.profile == "");
  const std::string profile = read(body, 2, KeepProfile::yes)->columns.profile;
  CHECK(profile == R"([{"spotMemberEmail":"a@x","spotMemberFirstname":null,"spotMemberLastname":null},)"
                   R"({"spotMemberEmail":"b@x","spotMemberFirstname":"B \"b\"","spotMemberLastname":null}])");
  CHECK(seen(profile, 1) == R"({"spotMemberEmail":"b@x","spotMemberFirstname":"B \"b\"","spotMemberLastname":null})");
}

TEST_CASE("entries that are not ours, twice or of nobody are counted; the first of two counts") {
  const auto found = read("[" + entry(1, "\"id\":\"first\"") + "," + entry(1, "\"id\":\"second\"") + "," +
                              entry(9, "") + ",{},{\"spotMemberId\":\"\"}]",
                          2);
  REQUIRE(found);
  CHECK(found->named == std::vector<std::uint32_t>{0});
  CHECK(found->columns.participant_id == "first");
  CHECK(found->doubled == 1);
  CHECK(found->foreign == 1);
  CHECK(found->unreadable == 2);
  CHECK(found->is_odd());
}

TEST_CASE("what is not an array of objects to its very end is not read at all") {
  const std::string one = entry(1, "");
  for (const std::string& body : std::vector<std::string>{"",
                                                          " ",
                                                          "null",
                                                          "true",
                                                          "7",
                                                          "\"x\"",
                                                          "{}",
                                                          "{\"a\":[]}",
                                                          "[",
                                                          "]",
                                                          "[1]",
                                                          "[null]",
                                                          "[" + one,
                                                          "[" + one + ",",
                                                          "[" + one + ",]",
                                                          one,
                                                          "[" + one + "]]",
                                                          "[" + one + "] {}",
                                                          "[" + one + std::string("]\0x", 3),
                                                          "[" + one.substr(0, 40) + "]",
                                                          "[{\"spotMemberId\"}]",
                                                          "[{\"spotMemberId\":}]",
                                                          "\xEF\xBB",
                                                          "[" + one + " " + one + "]"}) {
    CAPTURE(body);
    CHECK_FALSE(read(body, 1));
  }
  CHECK(read("[]", 1));
  CHECK(read("[" + one + "]\n", 1));
}

TEST_CASE("an answer that only a hostile server writes is not read: it would take many times its own memory") {
  const std::size_t large = 2U << 20U;
  const auto repeated = [&](const std::string& begin, const std::string& piece, const std::string& end) {
    std::string body = begin;
    while (body.size() < large) body += piece;
    return body + end;
  };
  for (const std::string& body :
       {std::string(large, '['), repeated("[", "[],", "[]]"), repeated("[{", "\"a\":1,", "\"a\":1}]"),
        repeated("[{", R"("id":"\n",)", R"("id":""}])"),
        repeated("[{", R"("id":"\n                    ",)", R"("id":""}])")})
    CHECK_FALSE(read(body, 3));
  // Texts that grow when they are written anew, one for each of many members.
  std::string body;
  std::string text;
  while (text.size() < 1000) text += "\xC2\x80";
  for (std::uint64_t number = 1; number <= 1500; ++number)
    body += (number > 1 ? "," : "[") + entry(number, "\"id\":\"\\n" + text + "\"");
  CHECK_FALSE(read(body + "]", 1500));
}

TEST_CASE("a large answer in any order is read whole") {
  std::string body = "[";
  for (std::uint64_t number = 10'000; number > 0; --number)
    body += participant(member(number).text()) + (number > 1 ? "," : "]");
  const auto found = read(body, 10'000);
  REQUIRE(found);
  CHECK(found->named.size() == 10'000);
  CHECK(found->columns.participant_status == "Invited");
  CHECK(seen(found->columns.participant_id, 9'999) == "p-" + member(10'000).text());
}

TEST_CASE("an error's message is found in any form and made fit to print") {
  struct Row {
    std::string body;
    std::string message;
  };
  for (const Row& row :
       {Row{R"({"message":"bad id"})", "bad id"},
        Row{R"({"statusCode":400,"message":["a","b"],"error":"Bad Request"})", "a; b"},
        Row{R"({"error":"Forbidden"})", "Forbidden"}, Row{R"({"message":["a",7,{"x":1},"b"]})", "a; b"},
        Row{R"({"message":{"text":"x"},"error":"y"})", "y"}, Row{R"({"message":[],"error":"y"})", "y"},
        Row{R"({"message":null})", R"({"message":null})"}, Row{R"({"detail":"x"})", R"({"detail":"x"})"},
        Row{R"(["x"])", R"(["x"])"}, Row{"<html>\r\n<h1>502</h1>\n</html>", "<html> <h1>502</h1> </html>"},
        Row{"plain words", "plain words"}, Row{"", ""}, Row{"  \n ", ""},
        Row{R"({"message":"\u001b[2Jgone"})", "?[2Jgone"}, Row{"{\"message\":\"\xFF\xFE\"}", "{\"message\":\"??\"}"},
        Row{"\x1b]0;title\x07", "?]0;title?"}, Row{R"({"message":"half)", R"({"message":"half)"}}) {
    CAPTURE(row.body);
    CHECK(message_of(row.body) == row.message);
  }
  CHECK(message_of(std::string(1'000'000, 'x')).size() <= 203);
  CHECK(message_of("{\"message\":\"" + std::string(1'000, 'y') + "\"}").size() <= 203);
  CHECK(message_of(std::string(100'000, '[')).size() <= 203);
}

TEST_CASE("an error's body may be malformed, cut or huge: an excerpt of it is what it says") {
  for (const std::string body :
       {R"({"message":[})", R"({"a":[})", R"({"message":[1 2]})", R"({"message":"x)", R"({"message":)", "{",
        R"({"error":{"message":[}}})", R"({"message":["a",)", "[", "\"", "{\"message\":\"\\"}) {
    CAPTURE(body);
    CHECK(error_message(body) == excerpt(body, 200));
  }
  // Wherever a proxy cuts it.
  const std::string whole =
      R"({"message":["bad \u00e9 id","and \"more\""],"error":"Bad Request","path":[1,{"a":null}]})";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    CHECK(error_message(whole.substr(0, cut)) == excerpt(whole.substr(0, cut), 200));
  }
  CHECK(error_message(whole) == "bad \xC3\xA9 id; and \"more\"");
  CHECK(error_message("{\"message\":\"" + std::string(1'000'000, 'x') + "\"}").size() <= 210);
  CHECK(error_message(R"({"message":[1,"two",null]})") == "two");
  CHECK(error_message(R"({"message":7,"error":"seven"})") == "seven");
}

TEST_CASE("members that a text quotes are found in either case, once, and nobody else") {
  const auto ids = members(20, 0xa0);
  const auto quoted = [&](const std::string& text) { return quoted_members(text, ids); };
  using Members = std::vector<std::uint32_t>;
  CHECK(quoted("") == Members{});
  CHECK(quoted("no ids here") == Members{});
  CHECK(quoted(ids[3].text()) == Members{3});
  CHECK(quoted("x" + ids[3].text() + "y") == Members{3});
  CHECK(quoted("00000000-0000-4000-8000-0000000000A3") == Members{3});
  CHECK(quoted(ids[9].text() + "," + ids[3].text() + ";" + ids[9].text()) == Members{3, 9});
  CHECK(quoted(member(1).text()) == Members{});
  CHECK(quoted(ids[3].text().substr(1)) == Members{});
  CHECK(quoted(ids[3].text().substr(0, 35)) == Members{});
  CHECK(quoted("-----------------------------------------------------------------") == Members{});
  CHECK(quoted("[\"" + ids[0].text() + "\",\"" + ids[19].text() + "\"]") == Members{0, 19});
}
