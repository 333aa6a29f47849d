#include "base/member_id.h"

#include <doctest/doctest.h>

using convoke::MemberId;

TEST_CASE("a member id is read in either case and written in lower case") {
  const auto id = MemberId::parse("0A1b2C3d-4E5f-6071-8293-a4B5c6D7e8F9");
  REQUIRE(id);
  CHECK(id->text() == "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
  CHECK(MemberId::parse(id->text()) == id);
}

TEST_CASE("what is not exactly a UUID is no member id") {
  for (const char* text : {"", "x", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f99",
                           "0a1b2c3d04e5f-6071-8293-a4b5c6d7e8f9", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8g9",
                           " 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f", "{a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f}",
                           "0a1b2c3d4e5f60718293a4b5c6d7e8f9----", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8\xC3\xA9"}) {
    CAPTURE(text);
    CHECK_FALSE(MemberId::parse(text));
  }
}

TEST_CASE("the order of ids is the order of their texts") {
  const auto low = MemberId::parse("00000000-0000-0000-0000-0000000000ff");
  const auto high = MemberId::parse("01000000-0000-0000-0000-000000000000");
  CHECK(*low < *high);
}
