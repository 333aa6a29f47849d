#include "base/address.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace convoke;

TEST_CASE("an address is compared in lower case, without what stands around it") {
  struct Case {
    std::string text, address;
  };
  const std::string longest = std::string(64, 'a') + '@' + std::string(longest_address - 65, 'b');
  const std::vector<Case> cases = {
      {"ann@example.org", "ann@example.org"},
      {"Ann.Lee@Example.ORG", "ann.lee@example.org"},
      {" \tann@example.org\r\n", "ann@example.org"},
      {"\u00A0ann@example.org\u200B \uFEFF", "ann@example.org"},
      {"<ann@example.org>", "ann@example.org"},
      {" < Ann@example.org\u00A0> ", "ann@example.org"},
      {"mailto:ann@example.org", "ann@example.org"},
      {"MailTo: ann@example.org", "ann@example.org"},
      {"<mailto:ann@example.org>", "ann@example.org"},
      {"ann+courses@example.org", "ann+courses@example.org"},
      {"o'neil!#$%&*/=?^_`{|}~-@example.org", "o'neil!#$%&*/=?^_`{|}~-@example.org"},
      {"a@b", "a@b"},
      {"ann@[192.0.2.1]", "ann@[192.0.2.1]"},
      {"jörg@exämple.org", "jörg@exämple.org"},
      {"JÖRG@EXÄMPLE.org", "jÖrg@exÄmple.org"},  // as mail servers do: only ASCII is folded
      {"用户@例え.jp", "用户@例え.jp"},
      {"mailto@example.org", "mailto@example.org"},
      {longest, longest},
      {" <mailto:" + longest + "> ", longest},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    const auto address = folded_address(one.text);
    REQUIRE(address);
    CHECK(*address == one.address);
    CHECK(folded_address(*address) == address);
  }
}

TEST_CASE("what has not the shape of one address is none") {
  const std::string too_long = std::string(64, 'a') + '@' + std::string(longest_address - 64, 'b');
  const std::vector<std::string> texts = {
      "",
      " \u00A0 ",
      "@",
      "ann",
      "@example.org",
      "ann@",
      "ann@@example.org",
      "@ann@example.org",
      "ann@example.org@",
      "ann@example.org bob@example.org",
      "ann@example.org,bob@example.org",
      "ann@example.org,",  // the API would look for two
      "ann,lee@example.org",
      "ann lee@example.org",
      "ann@exam ple.org",
      "ann\t@example.org",
      "ann@exam\nple.org",
      "ann@exam\rple.org",
      std::string("ann\0@example.org", 16),
      "ann\x7F@example.org",
      "ann\x1B[1m@example.org",
      "ann\u0085@example.org",
      "ann\u00A0@example.org",
      "ann\u200B@example.org",
      "ann\u200C@example.org",
      "ann@\u200Dexample.org",
      "ann@\u2060example.org",
      "ann@\uFEFFexample.org",
      "\u202Eann@example.org",  // turns what follows it around
      "Ann <ann@example.org>",
      "Ann<ann@example.org>",
      "<ann@example.org",
      "ann@example.org>",
      "<<ann@example.org>>",
      "<>",
      "<",
      "mailto:",
      "mailto:mailto",
      "mailto:<ann@example.org>",
      "ann@ex\xE4mple.org",  // windows-1252
      "ann@example\xC3",
      "ann@\xC0\xAF.org",
      "ann@\xED\xA0\x80.org",
      "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
      too_long,
  };
  for (const std::string& text : texts) {
    CAPTURE(text);
    CHECK_FALSE(folded_address(text));
  }
}
