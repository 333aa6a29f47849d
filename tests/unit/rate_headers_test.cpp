#include "api/rate_headers.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace convoke;
using namespace std::chrono_literals;

namespace {

// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110.
const WallTime date(784111777s);

std::string waits(const std::string& header, WallTime now = date) {
  const auto wait = parse_retry_after(header, now);
  return wait ? format_duration(*wait) : "none";
}

std::string advice(const Answer& answer) {
  const auto found = parse_rate_advice(answer);
  return found ? fmt::format("{} for {}s", found->left, found->reset / 1s) : "none";
}

std::string advice_of(const std::string& ratelimit) {
  Answer answer;
  answer.ratelimit = ratelimit;
  return advice(answer);
}

std::string advice_of(const std::string& remaining, const std::string& reset) {
  Answer answer;
  answer.ratelimit_remaining = remaining;
  answer.ratelimit_reset = reset;
  return advice(answer);
}

}  // namespace

TEST_CASE("Retry-After in seconds") {
  CHECK(waits("0") == "0ms");
  CHECK(waits("1") == "1s");
  CHECK(waits("120") == "2m");
  CHECK(waits(" 7 ") == "7s");
  CHECK(waits("007") == "7s");
}

TEST_CASE("Retry-After as a date, in the three forms of HTTP") {
  CHECK(waits("Sun, 06 Nov 1994 08:49:37 GMT", date - 30s) == "30s");
  CHECK(waits("Sunday, 06-Nov-94 08:49:37 GMT", date - 30s) == "30s");
  CHECK(waits("Sun Nov  6 08:49:37 1994", date - 30s) == "30s");
  CHECK(waits("Sun, 06 Nov 1994 08:49:37 GMT", date) == "0ms");
  CHECK(waits("Sun, 06 Nov 1994 08:49:37 GMT", date + 1h) == "0ms");
  const auto absurd = parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", date);
  REQUIRE(absurd);
  CHECK(*absurd > 24h * 365);
}

TEST_CASE("Retry-After that is neither says nothing; absurd numbers stay in range") {
  for (const std::string header :
       {"", " ", "soon", "-5", "+5", "1.5", "5s", "0x10", "1 2", "Sun, 06 Nov 1994", "2026-01-02",
        "Sun, 06 Nov 1994 08:49:37 CET", "Xyz, 06 Nov 1994 08:49:37 GMT", "5, 6"}) {
    CAPTURE(header);
    CHECK(waits(header) == "none");
  }
  for (const std::string header :
       {"99999999999", "9223372036854775807", "9223372036854775808", "99999999999999999999999999"}) {
    CAPTURE(header);
    const auto wait = parse_retry_after(header, date);
    REQUIRE(wait);
    CHECK(*wait >= 24h * 365);
    CHECK(*wait <= 24h * 366 * 10);
  }
}

TEST_CASE("RateLimit in the form of today: policies with r and t") {
  CHECK(advice_of(R"("default";r=50;t=30)") == "50 for 30s");
  CHECK(advice_of(R"("burst";r=9;t=10, "day";r=40000;t=80000)") == "9 for 10s");
  CHECK(advice_of(R"("burst";r=99;t=10,"day";r=3;t=80000)") == "3 for 80000s");
  CHECK(advice_of(R"("p"; r=0 ; t=5 ; pk=:Zm9v:)") == "0 for 5s");
  CHECK(advice_of(R"(p;t=5;r=1)") == "1 for 5s");
}

TEST_CASE("RateLimit in the form of some years ago: a list") {
  CHECK(advice_of("limit=100, remaining=50, reset=30") == "50 for 30s");
  CHECK(advice_of("limit=100,remaining=0,reset=1") == "0 for 1s");
  CHECK(advice_of("remaining=7;reset=3") == "7 for 3s");
}

TEST_CASE("RateLimit as separate fields") {
  CHECK(advice_of("50", "30") == "50 for 30s");
  CHECK(advice_of(" 0 ", "1") == "0 for 1s");
  CHECK(advice_of("50, 100;w=10", "30") == "50 for 30s");
  CHECK(advice_of("50", "") == "none");
  CHECK(advice_of("", "30") == "none");
}

TEST_CASE("what is not understood says nothing, and no number is out of range") {
  for (const std::string header :
       {"", "50", "r=", "r=50", "t=30", R"("p";r=-1;t=5)", R"("p";r=x;t=5)", R"("p";r=1;t=)",
        "remaining=", "remaining=5", "remaining=5, reset=-1", ";;;,,,", "=", "r==5;t=5", "\"r=1;t=1"}) {
    CAPTURE(header);
    const std::string said = advice_of(header);
    CHECK((said == "none" || std::string(header) == "\"r=1;t=1"));
  }
  CHECK(advice_of("99999999999999999999", "1") == "316224000 for 1s");
  CHECK(advice_of("1", "99999999999999999999") == "1 for 316224000s");
  CHECK(advice_of(R"("p";r=1;t=5, "q";r=broken;t=5)") == "1 for 5s");
}
