#include "base/duration.h"

#include <doctest/doctest.h>

#include "base/limit.h"

using namespace convoke;
using namespace std::chrono_literals;

TEST_CASE("spans of time are read and written in one notation") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("50m") == 50min);
  CHECK(parse_duration("24h") == 24h);
  for (const auto* text : {"", "30", "s", "-1s", "1.5s", "30 s", "1d", "1s2", "99999999999999999999s", "9999999999h"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(3600s) == "1h");
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(describe_duration(26h + 5min) == "1 d 2 h");
  CHECK(describe_duration(250s) == "4 min 10 s");
}

TEST_CASE("a limit is calls over a window") {
  CHECK(parse_limit("100/10s") == Limit{100, 10s});
  CHECK(parse_limit("50000/24h") == Limit{50'000, 24h});
  for (const auto* text : {"", "100", "100/", "/10s", "0/10s", "-1/10s", "100/0s", "100 / 10s", "100/10"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_limit(text));
  }
  CHECK(format_limit({100, 10s}) == "100/10s");
}
