// Retry-After and the RateLimit fields: a line each.
#include "api/rate_headers.h"
#include "fuzz.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const WallTime now{std::chrono::seconds(1'700'000'000)};
  if (const auto wait = parse_retry_after(std::string(input.line()), now))
    require(*wait >= Duration::zero(), "nobody waits for what is gone by");
  Answer answer;
  answer.ratelimit = input.line();
  input.line();  // RateLimit-Limit, which says nothing of what is left
  answer.ratelimit_remaining = input.line();
  answer.ratelimit_reset = input.line();
  if (const auto advice = parse_rate_advice(answer))
    require(advice->left >= 0 && advice->reset >= Duration::zero(), "what is left is no debt");
  return 0;
}
