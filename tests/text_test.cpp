#include "base/text.h"

#include <doctest/doctest.h>

#include <vector>

#include "base/terminal.h"

using namespace convoke;

TEST_CASE("a word for a shell is safe to paste, whatever stands in it") {
  CHECK(shell_word("jobs/a.toml") == "jobs/a.toml");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("-") == "-");
  CHECK(shell_word("-z") == "./-z");
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
