// Ten million members at the API's real limits: days of work in seconds.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>

#include "world.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

// Ids in no order, each once: a multiplication by an odd number permutes 64-bit words.
MadeRows::Make list_of(std::int64_t members) {
  return [members](std::uint64_t number) -> std::optional<MadeRow> {
    if (number == static_cast<std::uint64_t>(members)) return std::nullopt;
    MemberId id;
    const std::uint64_t words[2] = {(number + 1) * 0x9E3779B97F4A7C15ULL, number + 1};
    std::memcpy(id.bytes.data(), words, sizeof words);
    return MadeRow{number + 2, id.text()};
  };
}

}  // namespace

TEST_CASE("ten million members take three days at the real limits, and no window ever counts one too many") {
  const char* members_text = std::getenv("CONVOKE_DAYS_MEMBERS");
  const std::int64_t members = members_text ? std::atoll(members_text) : 10'000'000;
  SandboxSettings server;
  server.limits = {{100, 10s}, {50'000, 24h}};
  server.latency_low = 20ms;
  server.latency_high = 200ms;
  World world(1, server);
  WorldJob job;
  job.make = list_of(members);
  job.fingerprint = "ten million";
  JobRunSettings settings;
  settings.send.limits.calls = server.limits;
  settings.send.limits.reserve = 5'000;

  const Instant start = world.clock.now();
  std::map<std::int64_t, std::int64_t> calls_of_day;
  int runs = 0;
  Exit exit = Exit::try_later;
  while (exit == Exit::try_later) {
    REQUIRE(++runs < 200);
    const std::int64_t day = (world.clock.now() - start) / 24h;
    const auto before = world.sandbox.stats().requests;
    exit = *world.run(job, settings).exit;
    calls_of_day[day] += static_cast<std::int64_t>(world.sandbox.stats().requests - before);
    if (exit != Exit::try_later) break;
    // cron: the next full hour.
    world.clock.at(world.clock.now() + 1h, [] {});
    while (world.clock.advance()) continue;
  }
  const Duration took = world.clock.now() - start;
  fmt::print("{} members, reserve 5000: {} in {} runs\n", members, describe_duration(took), runs);
  for (const auto& [day, calls] : calls_of_day) fmt::print("  day {}: {} calls\n", day + 1, calls);

  CHECK(exit == Exit::ok);
  CHECK(world.sandbox.stats().over_limit == 0);
  CHECK(world.sandbox.stats().invitations == static_cast<std::uint64_t>(members));
  CHECK(world.sandbox.stats().asked_again == 0);
  for (const auto& [day, calls] : calls_of_day) CHECK(calls <= 45'000);
  // Not slower than need be: each full day uses all that the rule leaves.
  if (calls_of_day.size() > 1) CHECK(calls_of_day.begin()->second == 45'000);
}
