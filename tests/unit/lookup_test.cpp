// Addresses: what is asked of the API for them, how its answers are read, and that no words quote them.
#include "api/lookup.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>

#include "api/error_body.h"
#include "api/spot_members.h"
#include "base/text.h"
#include "looked_up.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

using Indices = std::vector<std::uint32_t>;

std::string target_of(const std::vector<std::string>& asked) {
  return look_up_request(asked).target;
}

std::string blotted(const std::string& text) {
  return words_for_people(text, KeepProfile::no);
}

}  // namespace

TEST_CASE("a look-up names its addresses in the query, parted by bare commas, each encoded by RFC 3986") {
  const Request request = look_up_request(addresses(2));
  CHECK(request.method == "GET");
  CHECK(request.body.empty());
  CHECK(request.target == "/v1/spotMembers?email%5Bin%5D=m1%40example.org,m2%40example.org&limit=2");
  struct Row {
    std::string address;
    std::string encoded;
  };
  for (const Row& row :
       {Row{"a+b@x.org", "a%2Bb%40x.org"}, Row{"é@x.org", "%C3%A9%40x.org"}, Row{"a&b=c@x.org", "a%26b%3Dc%40x.org"},
        Row{"50%@x.org", "50%25%40x.org"}, Row{"a-b_c.d~e@x.org", "a-b_c.d~e%40x.org"},
        Row{"o'n#?/!*@x.org", "o%27n%23%3F%2F%21%2A%40x.org"}, Row{"a,b@x.org", "a%2Cb%40x.org"},
        Row{"a b@x.org", "a%20b%40x.org"}}) {
    CAPTURE(row.address);
    CHECK(target_of({row.address}) == "/v1/spotMembers?email%5Bin%5D=" + row.encoded + "&limit=1");
  }
}

TEST_CASE("a creation lists its addresses, and always says whether with e-mail") {
  const Request quiet = create_request(addresses(2), false);
  CHECK(quiet.method == "POST");
  CHECK(quiet.target == "/v1/spotMembers~bulkInvite");
  CHECK(quiet.body == R"({"emails":["m1@example.org","m2@example.org"],"withEmailNotification":false})");
  const std::vector<std::string> odd = {"\"a\\b\"@x.org", "é@x.org"};
  CHECK(create_request(odd, true).body == R"({"emails":["\"a\\b\"@x.org","é@x.org"],"withEmailNotification":true})");
}

TEST_CASE("as many addresses go out at once as fit 4 KiB, and one whatever its size") {
  CHECK(fitting({}) == 0);
  CHECK(fitting(addresses(1)) == 1);
  const std::vector<std::string> giant(3, std::string(10'000, 'x') + "@x.org");
  CHECK(fitting(giant) == 1);
  for (const std::size_t size : {1U, 3U, 20U, 37U, 64U, 250U, 4000U}) {
    CAPTURE(size);
    const std::vector<std::string> all(3000, std::string(size, 'a') + "@x+y.org");
    const std::size_t most = fitting(all);
    const std::span<const std::string> view(all);
    REQUIRE(most < all.size());
    CHECK(look_up_request(view.first(most)).target.size() <= 4096);
    CHECK(look_up_request(view.first(most + 1)).target.size() > 4096);
    CHECK(fitting(view.first(most)) == most);
    if (most > 1) CHECK(fitting(view.first(most - 1)) == most - 1);
  }
}

TEST_CASE("members are found by address in either case, and the one who takes part is taken") {
  const std::vector<std::string> asked = {"zoe@x.org", "é.a@x.org", "bob@x.org"};
  const auto read = [&](std::string body) { return read_members_found(body, asked); };
  const auto item = [](std::uint64_t number, std::string_view email, std::string_view status) {
    return fmt::format(R"({{"status":{},"email":"{}","id":"{}","x":{{"email":"no@x.org"}}}})", status, email,
                       id(number));
  };
  const auto two = read(page({item(1, "BOB@X.org", "null"), item(2, "Zoe@x.ORG", "\"Left\"")}, "2"));
  REQUIRE(two);
  CHECK(two->found == Indices{0, 2});
  CHECK(two->ids == std::vector<MemberId>{member(2), member(1)});
  CHECK_FALSE(two->is_partial);
  CHECK(two->foreign == 0);
  // Only ASCII is folded: É is another letter.
  CHECK(read(page({item(1, "É.A@x.org", "null")}))->foreign == 1);
  CHECK(read(page({item(1, "\\u00e9.a@x.org", "null")}))->found == Indices{1});
  struct Row {
    std::vector<std::string> statuses;
    std::uint64_t taken;
  };
  for (const Row& row :
       {Row{{"Left", "Pending", "Accepted", "Accepted"}, 3}, Row{{"Accepted", "Pending"}, 1},
        Row{{"Left", "Rejected", "Deactivated"}, 1}, Row{{"Deactivated", "Invited", "Pending"}, 2},
        Row{{"DeclinedInvitation", "Something new"}, 2}, Row{{"Rejected", "Invited", "Accepted"}, 3}}) {
    std::vector<std::string> items;
    for (const std::string& status : row.statuses)
      items.push_back(item(items.size() + 1, "bob@x.org", '"' + status + '"'));
    CAPTURE(list_of(items));
    const auto found = read(page(items));
    REQUIRE(found);
    CHECK(found->found == Indices{2});
    CHECK(found->ids == std::vector<MemberId>{member(row.taken)});
  }
}

TEST_CASE("what is no entry of the contract is passed over or counted, and what is no answer is not read") {
  const auto asked = addresses(2);
  const auto read = [&](std::string body) { return read_members_found(body, asked); };
  const auto odd =
      read(R"({"total":9,"items":[{"id":"x","email":null},{"email":7},{},)" + spot_member(9) + "," +
           R"({"id":"no uuid","email":"m1@example.org"},{"email":"m2@example.org"},)" + spot_member(2) + "]}");
  REQUIRE(odd);
  CHECK(odd->found == Indices{1});
  CHECK(odd->unreadable == Indices{0});
  CHECK(odd->foreign == 1);
  CHECK(odd->is_partial);
  for (const std::string total : {"null", "\"9\"", "1", "-5", "1.5", "99999999999999999999", "true", "[9]", "{}"}) {
    CAPTURE(total);
    const auto page_one = read(page({spot_member(1)}, total));
    REQUIRE(page_one);
    // What is no number may be any.
    CHECK(page_one->is_partial == (total != "null" && total != "1" && total != "-5"));
  }
  CHECK(read(R"({"items":[]})"));
  for (const std::string none :
       {"", "[]", "{}", "null", "{\"total\":0}", "{\"items\":null}", "{\"items\":{}}", "{\"items\":[7]}",
        "{\"items\":[null]}", "{\"items\":[]} x", "{\"items\":[", "<html>", "{\"items\":[{\"email\":\"\\x\"}]}"}) {
    CAPTURE(none);
    CHECK_FALSE(read(none));
  }
}

TEST_CASE("a creation says who was made and of whom none was, and why, alike ones together") {
  const auto asked = addresses(6);
  const auto read = [&](std::string body, KeepProfile keep = KeepProfile::no) {
    return read_members_made(body, asked, keep);
  };
  const std::string body = made(
      {spot_member(3), spot_member(8)},
      {R"({"email":"M1@example.org","code":7,"message":"m1@example.org is taken"})", R"("m2@example.org")",
       R"({"reason":"m4@example.org is taken","email":"m4@example.org"})", R"({"email":"m3@example.org","error":"x"})",
       R"({"id":"u","email":"m5@example.org","error":"bad\u001b","reason":"worse"})", R"({"email":"x@example.org"})"});
  const auto answer = read(body);
  REQUIRE(answer);
  CHECK(answer->found == Indices{2});
  CHECK(answer->foreign == 2);
  REQUIRE(answer->failed.size() == 3);
  CHECK(answer->failed[0].members == Indices{0, 3});
  CHECK(answer->failed[0].words == "… is taken");
  CHECK(answer->failed[1].members == Indices{1});
  CHECK(answer->failed[1].words == "");
  CHECK(answer->failed[2].members == Indices{4});
  CHECK(answer->failed[2].words == "bad?");
  const auto kept = read(body, KeepProfile::yes);
  REQUIRE(kept->failed.size() == 4);
  CHECK(kept->failed[0].words == "m1@example.org is taken");
  CHECK(read(R"({"created":[]})"));
  CHECK(read(R"({"failed":[]})"));
  for (const std::string none : {"{}", "[]", "", R"({"items":[]})", R"({"created":null})", R"({"failed":[7]})",
                                 R"({"created":["m1@example.org"]})"}) {
    CAPTURE(none);
    CHECK_FALSE(read(none));
  }
}

TEST_CASE("however many kinds of words there are, there are few pieces") {
  const auto asked = addresses(50);
  std::vector<std::string> failed;
  for (std::size_t i = 0; i < asked.size(); ++i)
    failed.push_back(fmt::format(R"({{"email":"{}","message":"trouble {}"}})", asked[i], i));
  std::string body = made({}, failed);
  const auto answer = read_members_made(body, asked, KeepProfile::no);
  REQUIRE(answer);
  REQUIRE(answer->failed.size() == 8);
  CHECK(answer->failed[6].words == "trouble 6");
  CHECK(answer->failed[7].members.size() == 43);
  CHECK(answer->failed[7].words == "");
}

TEST_CASE("an address is cut out of the words of the API, as far as blanks and quotes") {
  struct Row {
    std::string text;
    std::string words;
  };
  for (const Row& row :
       std::vector<Row>{{"", ""},
                        {"no such member", "no such member"},
                        {"bob@x.org", "…"},
                        {"no member: bob@x.org.", "no member: …"},
                        {"a@x.org,b@x.org; c", "… c"},
                        {"email 'bob@x.org' and \"zoe@x.org\" and `c@x`", "email '…' and \"…\" and `…`"},
                        {R"({"email":"bob@x.org","code":7})", R"({"email":"…","code":7})"},
                        {"<a href=\"mailto:bob@x.org\">", "<a href=\"…\">"},
                        {"GET /v1?email=bob%40x.org failed", "GET … failed"},
                        {"bob%2540x.org", "…"},
                        {R"({"a":"bob\u0040x.org")", R"({"a":"…")"},
                        {"bob&#64;x.org bob&#x40;x.org", "… …"},
                        {"é.ü@x.org", "…"},
                        {"@ must not be empty: @IsEmail, x@", "@ must not be empty: @IsEmail, x@"},
                        {"@@ and @@@", "@@ and …"},
                        {"%40x 100%400", "%40x …"},
                        {"  two\n\n lines \t ", "two lines"},
                        {"bob@x.org\n", "…"}}) {
    CAPTURE(row.text);
    CHECK(blotted(row.text) == row.words);
    CHECK(words_for_people(row.text, KeepProfile::yes) == excerpt(row.text));
    CHECK(blotted(blotted(row.text)) == row.words);
  }
  // Cut out before the excerpt is cut, and nowhere short of it.
  for (std::size_t before = 150; before < 220; ++before) {
    const std::string text = std::string(before, 'x') + " somebody@example.org and so on";
    CAPTURE(before);
    CHECK(blotted(text).find("somebody") == std::string::npos);
    CHECK(blotted(std::string(before, ' ') + text) == blotted(text));
  }
}

TEST_CASE("words without an address are the excerpt that they were, whatever they are made of") {
  const std::vector<std::string> atoms = {"a",  " ",    "\n",           "\"",   "'",     "é",        "…",   "@",
                                          "%4", "\x01", "\xE2\x80\x8B", "\xFF", "word ", "\xF0\x9F", "   ", "😀"};
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    std::uint64_t state = seed * 0x9E3779B97F4A7C15;
    std::string text;
    const std::size_t count = seed * 2;
    for (std::size_t i = 0; i < count; ++i) {
      state = state * 6364136223846793005 + 1442695040888963407;
      const std::string& atom = atoms[(state >> 33U) % atoms.size()];
      text += atom == "@" ? " @ " : atom;
    }
    CAPTURE(seed);
    CHECK(blotted(text) == excerpt(text));
    CHECK(words_for_people(text, KeepProfile::no, text.size()) == excerpt(text, text.size()));
  }
}

TEST_CASE("long words take no longer than their length") {
  constexpr std::size_t size = 4U << 20U;
  std::string pairs;
  while (pairs.size() < size) pairs += "@ ";
  const auto began = std::chrono::steady_clock::now();
  for (const std::string& text : {std::string(size, '@'), std::string(size, '%'), std::string(size, ' '),
                                  std::string(size, '"'), std::string(size, 'x') + "@", pairs})
    CHECK(blotted(text).size() <= 203);
  CHECK(words_for_people(pairs, KeepProfile::no, pairs.size()).size() + 1 == pairs.size());
  CHECK(std::chrono::steady_clock::now() - began < 20s);
}
