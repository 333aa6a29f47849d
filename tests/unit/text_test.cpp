#include "base/text.h"

#include <doctest/doctest.h>

#include <vector>

using namespace convoke;

TEST_CASE("a word for a shell is safe to paste, whatever stands in it") {
  CHECK(shell_word("jobs/a.toml") == "jobs/a.toml");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("-") == "-");
  CHECK(shell_word("-z") == "./-z");
  CHECK(shell_quoted("-z") == "-z");
  CHECK(shell_quoted("-z a") == "'-z a'");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("a'b $(x)") == R"('a'\''b $(x)')");
  CHECK(shell_word("e\x1b[2J\nnext: 'x'") == R"($'e\x1b[2J\x0anext: \x27x\x27')");
  CHECK(shell_word("\xE2\x80\xAE"
                   "a") == R"($'\xe2\x80\xaea')");
}

TEST_CASE("an excerpt is one printable line, whatever the server sent") {
  CHECK(excerpt("  bad\r\n\trequest \n") == "bad request");
  CHECK(excerpt("a\x1b[31mred\x07") == "a?[31mred?");
  CHECK(excerpt("caf\xC3\xA9 \xFF\xC0\xAF") == "caf\xC3\xA9 ???");
  CHECK(excerpt("x\xE2\x80\xAEy\xC2\x9Bz") == "x?y?z");
  CHECK(excerpt("abcdef", 3) == "abc…");
  CHECK(excerpt("\xC3\xA9\xC3\xA9", 3) == "\xC3\xA9…");
}

TEST_CASE("every mark of Unicode that turns or hides text is replaced, and escaped in JSON") {
  const auto utf8 = [](unsigned point) {
    std::string text;
    const auto add = [&](unsigned byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
    const auto rest = [&](unsigned shift) { add(0x80U | (point >> shift & 0x3FU)); };
    if (point < 0x800) {
      add(0xC0U | point >> 6U);
    } else if (point < 0x10000) {
      add(0xE0U | point >> 12U);
      rest(6);
    } else {
      add(0xF0U | point >> 18U);
      rest(12);
      rest(6);
    }
    rest(0);
    return text;
  };
  const std::vector<std::vector<unsigned>> ranges = {
      {0x80, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x180E, 0x180E}, {0x200B, 0x200F},  {0x202A, 0x202E},
      {0x2060, 0x2064}, {0x2066, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};
  for (const auto& range : ranges) {
    for (unsigned point = range[0]; point <= range[1]; ++point) {
      CAPTURE(point);
      CHECK(excerpt("x" + utf8(point) + "y") == "x?y");
      CHECK(printable_lines("x" + utf8(point)) == "x?");
      CHECK(json_string(utf8(point)).starts_with("\"\\u"));
    }
  }
  CHECK(json_string(utf8(0x61C)) == "\"\\u061c\"");
  CHECK(json_string(utf8(0xE0041)) == "\"\\udb40\\udc41\"");
  for (const unsigned point : {0xA0U, 0xE9U, 0x61BU, 0x61DU, 0x2013U, 0x4E2DU, 0x1F600U})
    CHECK(excerpt("x" + utf8(point) + "y") == "x" + utf8(point) + "y");
}

TEST_CASE("lines for a terminal keep their text, and nothing in them acts on it") {
  CHECK(printable_lines("a,b  c\td\r\n\"x\ny\"\n") == "a,b  c\td\r\n\"x\ny\"\n");
  CHECK(printable_lines("a\x1b]0;t\x07\rb\x7F\n") == "a?]0;t??b?\n");
  CHECK(printable_lines("caf\xC3\xA9 \xC2\x9B\xE2\x80\xAE\xFF") == "caf\xC3\xA9 ???");
}

TEST_CASE("JSON strings are escaped, and broken UTF-8 is replaced") {
  CHECK(json_string("plain") == "\"plain\"");
  CHECK(json_string("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\n\\u0001\"");
  CHECK(json_string("\xC3\xA9\xFF") == "\"\xC3\xA9\xEF\xBF\xBD\"");
}

TEST_CASE("the nearest known word is suggested, a far one is not") {
  const std::vector<std::string_view> known = {"timeout", "connections", "base_url"};
  CHECK(nearest("timout", known) == "timeout");
  CHECK(nearest("conections", known) == "connections");
  CHECK(nearest("base-url", known) == "base_url");
  CHECK(nearest("colour", known).empty());
}
