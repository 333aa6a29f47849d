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

TEST_CASE("a course is any text that can be seen") {
  CHECK(check_course("") == Reason::no_course);
  CHECK(check_course("\u00A0") == Reason::no_course);
  CHECK_FALSE(check_course("onboarding"));
}

TEST_CASE("a row of a list is a member of a course, or says what is wrong with it, and what stood there") {
  const std::vector<MadeRow> rows = {{2, id, "a"}, {3, "n/a", "a"}, {5, id, ""}, {6, "", ""}, {7, '{' + id + '}', "b"}};
  const auto read = [&](const std::optional<std::string>& course) {
    MadeRows source(rows);
    MemberList list(source, {TargetKind::course, course});
    std::vector<std::string> texts;
    while (const auto row = list.next()) {
      const auto* wrong = std::get_if<Reason>(&row->member);
      const auto* member = std::get_if<CheckedId>(&row->member);
      texts.push_back(std::to_string(row->line) + ' ' + std::string(row->course) + ' ' +
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
