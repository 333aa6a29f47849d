// Who has which address in the sandbox: looking spot members up, and making those that are missing.
#include <doctest/doctest.h>

#include "base/error.h"
#include "sandbox/spot_member_file.h"
#include "sandbox_desk.h"
#include "temp_folder.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view make_path = "/v1/spotMembers~bulkInvite";

std::string lookup_of(std::string_view addresses) {
  return fmt::format("/v1/spotMembers?email[in]={}", addresses);
}

std::string emails(std::initializer_list<std::string> addresses, std::string_view more = "") {
  std::string list;
  for (const std::string& address : addresses) list += (list.empty() ? "\"" : ",\"") + address + "\"";
  return fmt::format(R"({{"emails":[{}]{}}})", list, more);
}

/// Nobody exists but who is made.
SandboxSettings nobody() {
  SandboxSettings settings;
  settings.spot_members.share_of_addresses_known = 0;
  return settings;
}

std::string address_of(int number) {
  return fmt::format("person{}@school.example", number);
}

constexpr std::string_view no_items = R"({"items":[],"total":0})";

}  // namespace

TEST_CASE("a spot member is found by its address, with all attributes of the contract") {
  Desk desk;
  const auto reply = desk.get(lookup_of("a%40x,b%40y"));
  CHECK(reply.status == 200);
  CHECK(reply.content_type.starts_with("application/json"));
  for (const auto* attribute : {"\"id\":\"", "\"spotId\":\"", "\"userId\":\"", "\"email\":\"", "\"title\":null",
                                "\"lang\":\"en\"", "\"role\":\"Member\"", "\"status\":\"Accepted\"",
                                "\"firstname\":", "\"lastname\":", "\"updatedAt\":\"2023-01-01T00:00:00.000Z\""}) {
    CAPTURE(attribute);
    CHECK(count(reply.body, attribute) == 2);
  }
  CHECK(reply.body.ends_with(R"(],"total":2})"));
  const auto id = desk.sandbox.spot_members().member_of("a@x");
  REQUIRE(id);
  CHECK(reply.body.find(fmt::format(R"("id":"{}")", id->text())) != std::string::npos);
  CHECK(desk.get("/v1/spotMembers?email%5Bin%5D=a%40x%2Cb%40y").body == reply.body);
  CHECK(Desk().get(lookup_of("b%40y,a%40x")).body == reply.body);
  CHECK(desk.sandbox.stats().lookups == 2);
  CHECK(desk.sandbox.stats().addresses_asked == 4);
}

TEST_CASE("addresses are the same in whatever case, of ASCII letters; whoever is asked for twice is there once") {
  Desk desk;
  const auto& members = desk.sandbox.spot_members();
  CHECK(desk.get(lookup_of("A%40X,a%40x")).body == desk.get(lookup_of("a%40x")).body);
  CHECK(members.member_of("A@x") == members.member_of("a@X"));
  CHECK(members.member_of("\u00C4@x") != members.member_of("\u00E4@x"));
  CHECK(desk.get(lookup_of("b%2Bc%40x")).body.find(R"("email":"b+c@x")") != std::string::npos);
  // A + that is not encoded is a blank, and no address has one.
  CHECK(desk.get(lookup_of("b+c%40x")).body == no_items);
  CHECK(desk.get(lookup_of("nobody")).body == no_items);
}

TEST_CASE("who exists from the start follows from the seed, in the share that the settings say") {
  SandboxSettings settings;
  settings.spot_members.share_of_addresses_known = 0.25;
  Desk desk(settings);
  settings.seed = 2;
  Desk other(settings);
  int known = 0;
  int known_to_both = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto id = desk.sandbox.spot_members().member_of(address_of(i));
    const auto elsewhere = other.sandbox.spot_members().member_of(address_of(i));
    if (id) ++known;
    if (id && elsewhere) ++known_to_both;
    if (id && elsewhere) CHECK(*id != *elsewhere);
  }
  CHECK((known > 900 && known < 1100));
  CHECK((known_to_both > 180 && known_to_both < 320));
  CHECK_FALSE(Desk(nobody()).sandbox.spot_members().member_of("a@x"));
}

TEST_CASE("a lookup is read strictly: unknown parameters, none or too many addresses, bad encoding are refused") {
  SandboxSettings settings;
  settings.largest_lookup = 2;
  Desk desk(settings);
  for (const std::string& query :
       {std::string(""), std::string("?"), std::string("?page=1"), std::string("?email[in]"),
        std::string("?email[in]="), std::string("?email[in]=a%40x,"), std::string("?email[in]=a%40x,,b%40x"),
        std::string("?email[in]=a%40x&email%5Bin%5D=b%40x"), std::string("?email[eq]=a%40x"),
        std::string("?email=a%40x"), std::string("?email[in]=a%40x&x=1"), std::string("?email[in]=a%40x&page=0"),
        std::string("?email[in]=a%40x&page=1&page=1"), std::string("?email[in]=a%40x&limit=0"),
        std::string("?email[in]=a%40x&limit=-1"), std::string("?email[in]=a%40x&limit=x"),
        std::string("?email[in]=a%4"), std::string("?email[in]=%FF%40x"),
        std::string("?email[in]=a%40x,b%40x,c%40x")}) {
    CAPTURE(query);
    CHECK(desk.get("/v1/spotMembers" + query).status == 400);
  }
  CHECK(desk.get(lookup_of("a%40x,b%40x")).status == 200);
  CHECK(desk.sandbox.stats().lookups == 1);
}

TEST_CASE("a page of spot members holds as many as the settings say, or fewer if asked; the total counts all") {
  SandboxSettings settings;
  settings.page_limit = 2;
  Desk desk(settings);
  const std::string all = lookup_of("a%40x,b%40x,c%40x,d%40x,e%40x");
  const auto on_page = [&](std::string_view more) {
    const auto reply = desk.get(all + std::string(more));
    CHECK(reply.body.ends_with(R"("total":5})"));
    return count(reply.body, "\"email\"");
  };
  CHECK(on_page("") == 2);
  CHECK(on_page("&limit=1") == 1);
  CHECK(on_page("&limit=1000") == 2);
  CHECK(on_page("&page=2") == 2);
  CHECK(on_page("&page=3") == 1);
  CHECK(on_page("&page=4") == 0);
  std::string pages;
  for (int page = 1; page <= 3; ++page) pages += desk.get(fmt::format("{}&page={}", all, page)).body;
  for (const std::string address : {"a@x", "b@x", "c@x", "d@x", "e@x"}) CHECK(count(pages, address) == 1);
}

TEST_CASE("a request target that is too long is refused before anything else, and counts all the same") {
  SandboxSettings settings;
  settings.longest_target = 40;
  settings.limits = {{2, 10s}};
  Desk desk(settings);
  const std::string target = lookup_of("123456789%40x");
  CHECK(target.size() == 40 - 1);
  CHECK(desk.get(target + "x").status == 200);
  CHECK(desk.get(target + "xx").status == 414);
  CHECK(desk.get(target).status == 429);
  CHECK(desk.sandbox.stats().statuses.at(414) == 1);
}

TEST_CASE("members that are missing are made, once, with the ids by which they are found then") {
  Desk desk(nobody());
  CHECK(desk.get(lookup_of("Ada%40x")).body == no_items);
  const auto reply = desk.post(emails({"Ada@x", "b@x", "no address", "@x"}), make_path);
  CHECK(reply.status == 200);
  CHECK(count(reply.body, "\"status\":\"Invited\",\"firstname\":null,\"lastname\":null") == 2);
  CHECK(count(reply.body, "\"updatedAt\":\"2023-11-14T22:13:20.000Z\"") == 2);
  CHECK(reply.body.find(R"("email":"Ada@x")") != std::string::npos);
  CHECK(reply.body.ends_with(
      R"(],"failed":[{"email":"no address","message":"invalid email"},{"email":"@x","message":"invalid email"}]})"));

  const auto& members = desk.sandbox.spot_members();
  const auto ada = members.member_of("ada@X");
  REQUIRE(ada);
  CHECK(members.was_made("ADA@x"));
  CHECK_FALSE(members.was_made("c@x"));
  const auto found = desk.get(lookup_of("ada%40x"));
  CHECK(found.body.find(ada->text()) != std::string::npos);
  CHECK(found.body.find(R"("email":"Ada@x")") != std::string::npos);

  CHECK(desk.post(emails({"ADA@x"}), make_path).body ==
        R"({"created":[],"failed":[{"email":"ADA@x","message":"already exists"}]})");
  CHECK(members.member_of("ada@x") == ada);
  CHECK(members.made_count() == 2);
  CHECK(members.made(0).asked == 2);
  CHECK(desk.sandbox.stats().members_made == 2);
  CHECK(desk.sandbox.stats().made_again == 1);
}

TEST_CASE("who exists from the start is not made") {
  Desk desk;
  const auto id = desk.sandbox.spot_members().member_of("a@x");
  CHECK(desk.post(emails({"a@x"}), make_path).body ==
        R"({"created":[],"failed":[{"email":"a@x","message":"already exists"}]})");
  CHECK_FALSE(desk.sandbox.spot_members().was_made("a@x"));
  CHECK(desk.sandbox.spot_members().member_of("a@x") == id);
  CHECK(desk.sandbox.stats().made_again == 1);
  CHECK(desk.sandbox.stats().members_made == 0);
}

TEST_CASE("of some addresses no member is made, of the same ones each time, and the others of the call are") {
  SandboxSettings settings = nobody();
  settings.spot_members.refused_addresses = 0.5;
  Desk desk(settings);
  for (int i = 0; i < 200; ++i) desk.post(emails({address_of(i), address_of(1000 + i)}), make_path);
  const auto made = desk.sandbox.stats().members_made;
  CHECK((made > 150 && made < 250));
  for (int i = 0; i < 200; ++i) {
    const auto again = desk.post(emails({address_of(i)}), make_path);
    const bool was_made = desk.sandbox.spot_members().was_made(address_of(i));
    CHECK(count(again.body, was_made ? "already exists" : "cannot be invited") == 1);
  }
  CHECK(desk.sandbox.stats().members_made == made);
}

TEST_CASE("a body that is not the contract's makes nobody") {
  Desk desk(nobody());
  for (const std::string& body :
       {std::string(""), std::string("["), std::string("[]"), std::string("{}"), std::string(R"({"emails":[]})"),
        std::string(R"({"emails":null})"), std::string(R"({"emails":"a@x"})"), std::string(R"({"emails":[1]})"),
        emails({"a@x"}) + "x", emails({"a@x", "a@x"}), emails({"a@x", "A@X"}), emails({"a@x"}, R"(,"emails":["b@x"])"),
        emails({"a@x"}, R"(,"withEmailNotification":null)"), emails({"a@x"}, R"(,"withEmailNotification":1)"),
        emails({"a@x"}, R"(,"other":1)")}) {
    CAPTURE(body);
    CHECK(desk.post(body, make_path).status == 400);
  }
  CHECK(desk.sandbox.spot_members().made_count() == 0);
  CHECK(desk.post(emails({"a@x"}, R"(,"withEmailNotification":false)"), make_path).status == 200);
}

TEST_CASE("method, key, content type and size are looked at as for invitations") {
  SandboxSettings settings = nobody();
  settings.key = "key";
  settings.max_ids = 2;
  Desk desk(settings);
  const std::string body = emails({"a@x"});
  const SandboxRequest request{
      .method = "POST", .target = make_path, .authorization = "key", .content_type = "application/json", .body = body};
  const auto with = [&](auto change) {
    SandboxRequest changed = request;
    change(changed);
    return desk.ask(changed);
  };
  CHECK(with([](auto& r) { r.method = "GET"; }).allow == "POST");
  CHECK(with([](auto& r) { r.authorization = "other"; }).status == 401);
  CHECK(with([](auto& r) { r.content_type = "text/plain"; }).status == 415);
  CHECK(with([](auto& r) { r.body_too_long = true; }).status == 413);
  CHECK(with([](auto& r) { r.target = "/v1/spotMembers"; }).allow == "GET");
  CHECK(with([](auto& r) { r.target = "/v1/spotMembers/"; }).status == 404);
  CHECK(desk.post(emails({"a@x", "b@x", "c@x"}), make_path).status == 413);
  CHECK(desk.ask({.method = "GET", .target = "/v1/spotMembers?email[in]=a", .authorization = "other"}).status == 401);
  CHECK(desk.sandbox.spot_members().made_count() == 0);
  CHECK(with([](auto& r) { r.target = "/v1/spotMembers%7EbulkInvite"; }).status == 200);
}

TEST_CASE("faults strike lookups and makings, and the record tells whether members were made") {
  SandboxSettings settings = nobody();
  settings.script = {{1, {FaultKind::status, 503, 0}},
                     {2, {FaultKind::reset_after, 0, 0}},
                     {3, {FaultKind::lost, 0, 0}},
                     {4, {FaultKind::truncate, 0, 0}},
                     {5, {FaultKind::reset, 0, 0}}};
  Desk desk(settings);
  CHECK(desk.post(emails({"a@x"}), make_path).status == 503);
  CHECK_FALSE(desk.sandbox.spot_members().was_made("a@x"));
  CHECK(desk.post(emails({"b@x"}), make_path).delivery == Delivery::reset_after_acting);
  CHECK(desk.sandbox.spot_members().was_made("b@x"));
  CHECK(count(desk.post(emails({"c@x", "d@x"}), make_path).body, "\"id\"") == 1);
  CHECK(desk.sandbox.stats().members_made == 3);
  CHECK(desk.get(lookup_of("b%40x")).delivery == Delivery::truncated);
  CHECK(desk.get(lookup_of("b%40x")).delivery == Delivery::reset_before_acting);
  CHECK(desk.sandbox.stats().lookups == 1);
}

TEST_CASE("a member whose address is known takes part with it, and one made by a call without names") {
  Desk desk(nobody());
  desk.post(emails({"Ada@x"}), make_path);
  const std::string id = desk.sandbox.spot_members().member_of("ada@x")->text();
  const auto reply = desk.post(body_of({id}));
  CHECK(reply.status == 201);
  CHECK(reply.body.find(R"("spotMemberEmail":"Ada@x","spotMemberFirstname":null,"spotMemberLastname":null)") !=
        std::string::npos);
  Desk all;
  all.get(lookup_of("b%40x"));
  const std::string other = all.sandbox.spot_members().member_of("b@x")->text();
  CHECK(all.post(body_of({other})).body.find(R"("spotMemberEmail":"b@x")") != std::string::npos);
  CHECK(desk.post(body_of({1})).body.find("@example.com\"") != std::string::npos);
}

TEST_CASE("the record lists whom calls made, with the numbers of them all") {
  Desk desk(nobody());
  desk.post(emails({"A@x"}, R"(,"withEmailNotification":true)"), make_path);
  desk.post(emails({"b@x", "a@x"}), make_path);
  desk.get(lookup_of("a%40x,c%40x"));
  CHECK(desk.sandbox.stats_json().find(
            R"("lookups":1,"addresses_asked":2,"members_made":2,"made_again":1,"mails_to_made":1})") !=
        std::string::npos);
  CHECK(desk.get("/_sandbox/made").lines == RecordLines::made);
  std::string lines;
  CHECK(desk.sandbox.append_lines(lines, RecordLines::made, 0, 10));
  const auto id = [&](std::string_view address) { return desk.sandbox.spot_members().member_of(address)->text(); };
  CHECK(lines == fmt::format("{{\"email\":\"A@x\",\"spotMemberId\":\"{}\",\"asked\":2,\"made\":1,\"mails\":1}}\n"
                             "{{\"email\":\"b@x\",\"spotMemberId\":\"{}\",\"asked\":1,\"made\":1,\"mails\":0}}\n",
                             id("a@x"), id("b@x")));
  CHECK_FALSE(desk.sandbox.append_lines(lines, RecordLines::made, 2, 10));
}

TEST_CASE("if there is a list of spot members, nobody else exists, and others can be made") {
  const TempFolder folder;
  const std::string path = (folder.path() / "members.csv").string();
  std::ofstream(path) << "id,name,email\n"
                      << id_of(1).text() << ",\"Lovelace, Ada\",Ada@x\n"
                      << id_of(2).text() << ",,b@x\n";
  SandboxSettings settings;
  settings.spot_members.listed = read_spot_members(path);
  Desk desk(settings);
  const auto& members = desk.sandbox.spot_members();
  CHECK(members.member_of("ada@x") == id_of(1));
  CHECK_FALSE(members.member_of("c@x"));
  const auto reply = desk.get(lookup_of("ADA%40x,b%40x,c%40x"));
  CHECK(count(reply.body, "\"email\"") == 2);
  CHECK(reply.body.find(R"("email":"Ada@x")") != std::string::npos);
  const auto made = desk.post(emails({"ada@x", "c@x"}), make_path);
  CHECK(made.body.ends_with(R"("failed":[{"email":"ada@x","message":"already exists"}]})"));
  CHECK(members.was_made("c@x"));
  CHECK_FALSE(members.was_made("ada@x"));
}

TEST_CASE("a list of spot members that is none is refused with its line") {
  const TempFolder folder;
  const auto error_of = [&](const std::string& rows) {
    const std::string path = folder.write("members.csv", "email,id\n" + rows);
    try {
      read_spot_members(path);
    } catch (const Error& error) {
      CHECK(error.exit() == Exit::bad_source);
      return std::string(error.what()).substr(path.size());
    }
    return std::string("none");
  };
  const std::string row = "a@x," + id_of(1).text() + "\n";
  CHECK(error_of(row) == "none");
  CHECK(error_of(row + "b@x,1\n") == ":3: not a member id (a UUID): \"1\"");
  CHECK(error_of("b," + id_of(2).text() + "\n") == ":2: not an e-mail address: \"b\"");
  CHECK(error_of(row + "A@x," + id_of(2).text() + "\n") == ":3: an address for the second time: \"A@x\"");
  CHECK(error_of(row + "b@x," + id_of(1).text() + "\n").starts_with(":3: an id for the second time"));
  CHECK_THROWS_AS(read_spot_members(folder.write("other.csv", "mail,id\n" + row)), Error);
  CHECK_THROWS_AS(read_spot_members(folder.file("none.csv")), Error);
}
