#include "source/row_check.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "made_rows.h"

using namespace convoke;

namespace {

const std::string id = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const std::string no_dashes = "0A1b2c3d4e5f60718293a4b5c6d7e8f9";

std::string reason_of(std::string_view text) {
  const auto checked = check_member(text);
  const auto* reason = std::get_if<Reason>(&checked);
  return reason != nullptr ? std::string(name_of(*reason)) : "an id";
}

}  // namespace

TEST_CASE("an id is taken as it is, in either case, and blanks around it are nothing to mend") {
  for (const std::string& text : {id, std::string("0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9"), " \t" + id + "\r\n "}) {
    CAPTURE(text);
    const auto checked = check_member(text);
    REQUIRE(std::holds_alternative<CheckedId>(checked));
    CHECK(std::get<CheckedId>(checked).id.text() == id);
    CHECK_FALSE(std::get<CheckedId>(checked).mended);
  }
}

TEST_CASE("an id in braces, without dashes or among invisible characters is taken and marked as mended") {
  const std::vector<std::string> texts = {
      "{" + id + "}",
      no_dashes,
      "{" + no_dashes + "}",
      "\u00A0" + id,
      id + "\u200B",
      "\u200C" + id,
      id + "\u200D",
      "\u2060" + id + "\u2060",
      "\uFEFF" + id,
      " \u00A0 \u200B\t" + id + "\u00A0 \uFEFF\uFEFF ",
      "\u00A0{ " + id + "\u200B}\u00A0",
      "\uFEFF" + no_dashes + " \u00A0",
  };
  for (const std::string& text : texts) {
    CAPTURE(text);
    const auto checked = check_member(text);
    REQUIRE(std::holds_alternative<CheckedId>(checked));
    CHECK(std::get<CheckedId>(checked).id.text() == id);
    CHECK(std::get<CheckedId>(checked).mended);
  }
}

TEST_CASE("what is no id has a reason") {
  CHECK(reason_of("") == "no_id");
  CHECK(reason_of(" \u00A0\u200B ") == "no_id");
  CHECK(reason_of("ann@example.org") == "email_address");
  for (const std::string& text :
       {std::string("4711"), id + "0", id.substr(1), no_dashes + "0", no_dashes.substr(1) + "g", "{" + id, id + "}",
        std::string("{"), std::string("{}"), "{{" + id + "}}", "\"" + id + "\"",
        id.substr(0, 18) + "\u200B" + id.substr(18), std::string("\xC2"), std::string(32, '-')}) {
    CAPTURE(text);
    CHECK(reason_of(text) == "not_an_id");
  }
}

TEST_CASE("an address is folded, and marked as mended if more than its case and blanks had to go") {
  struct Case {
    std::string text;
    bool mended;
  };
  const std::vector<Case> cases = {{"ann@example.org", false},      {" Ann@Example.org\t", false},
                                   {"<ann@example.org>", true},     {"mailto:ann@example.org", true},
                                   {"\u00A0ann@example.org", true}, {" ann@example.org\u200B ", true}};
  for (const Case& one : cases) {
    CAPTURE(one.text);
    const auto checked = check_address(one.text);
    REQUIRE(std::holds_alternative<CheckedAddress>(checked));
    CHECK(std::get<CheckedAddress>(checked).address == "ann@example.org");
    CHECK(std::get<CheckedAddress>(checked).mended == one.mended);
  }
  CHECK(std::get<Reason>(check_address("")) == Reason::no_id);
  CHECK(std::get<Reason>(check_address(" \u00A0")) == Reason::no_id);
  for (const std::string text : {"n/a", "two@@example.org", "Ann <ann@example.org>", "a@x,b@x", "<>", "mailto:"})
    CHECK(std::get<Reason>(check_address(text)) == Reason::not_an_address);
  CHECK(std::get<Reason>(check_address(id)) == Reason::not_an_address);
}

TEST_CASE("a target is any text that can be seen") {
  CHECK(check_target("") == Reason::no_course);
  CHECK(check_target("\u00A0") == Reason::no_course);
  CHECK_FALSE(check_target("onboarding"));
}

TEST_CASE("a row of a list is a member of a target, or says what is wrong with it, and what stood there") {
  const std::vector<MadeRow> rows = {{2, id, "a"}, {3, "n/a", "a"}, {5, id, ""}, {6, "", ""}, {7, '{' + id + '}', "b"}};
  const auto read = [&](const std::optional<std::string>& course) {
    MadeRows source(rows);
    MemberList list(source, {TargetKind::course, course});
    std::vector<std::string> texts;
    while (const auto row = list.next()) {
      const auto* wrong = std::get_if<Reason>(&row->member);
      const auto* member = std::get_if<CheckedId>(&row->member);
      texts.push_back(std::to_string(row->line) + ' ' + std::string(row->target) + ' ' +
                      (wrong != nullptr ? std::string(name_of(*wrong)) + ' ' + std::string(row->value)
                       : member->mended ? "mended"
                                        : "as it is"));
    }
    CHECK_FALSE(list.was_stopped());
    return texts;
  };
  CHECK(read(std::nullopt) ==
        std::vector<std::string>{"2 a as it is", "3 a not_an_id n/a", "5  no_course " + id, "6  no_id ", "7 b mended"});
  CHECK(read("c") ==
        std::vector<std::string>{"2 c as it is", "3 c not_an_id n/a", "5 c as it is", "6 c no_id ", "7 c mended"});
}

TEST_CASE("a row is read by its id if it has one, else by its address") {
  const auto read = [](const MadeRow& made) {
    MadeRows source({made});
    MemberList list(source, {TargetKind::course, std::nullopt});
    const auto row = list.next();
    REQUIRE(row);
    const std::string value = " of '" + std::string(row->value) + "'";
    if (std::holds_alternative<CheckedId>(row->member)) return "id" + value;
    if (const auto* found = std::get_if<CheckedAddress>(&row->member))
      return found->address + (found->mended ? " mended" : "") + value;
    return std::string(name_of(std::get<Reason>(row->member))) + value;
  };
  CHECK(read({2, id, "c", "Ann@x"}) == "id of '" + id + "'");
  CHECK(read({2, id, "c", "n/a"}) == "id of '" + id + "'");
  CHECK(read({2, "", "c", "Ann@x"}) == "ann@x of 'Ann@x'");
  CHECK(read({2, "\u00A0", "c", "<Ann@x>"}) == "ann@x mended of '<Ann@x>'");
  CHECK(read({2, "", "c", "two@@x"}) == "not_an_address of 'two@@x'");
  // An id that is wrong is not passed over: who is meant by the row is in doubt.
  CHECK(read({2, "4711", "c", "ann@x"}) == "not_an_id of '4711'");
  CHECK(read({2, "ann@x", "c", "ann@x"}) == "email_address of 'ann@x'");
  CHECK(read({2, "ann@x", "c", ""}) == "email_address of 'ann@x'");
  CHECK(read({2, "", "c", ""}) == "no_id of ''");
  CHECK(read({2, "", "c", "\u00A0"}) == "no_id of '\u00A0'");
  CHECK(read({2, "", "", "ann@x"}) == "no_course of 'ann@x'");
  CHECK(read({2, "", "", ""}) == "no_id of ''");
}
