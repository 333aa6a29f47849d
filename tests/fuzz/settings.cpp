// Durations, limits and the sandbox's faults, as operators write them.
#include "base/duration.h"
#include "base/error.h"
#include "base/limit.h"
#include "fuzz.h"
#include "job/keys.h"
#include "sandbox/fault.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto duration = parse_duration(text)) {
    require(*duration >= Duration::zero() && *duration <= std::chrono::hours(24 * 3660),
            "a duration is at most 10 years");
    require(parse_duration(format_duration(*duration)) == duration, "a duration is read as it was written");
    require(is_printable(describe_duration(*duration)), "a duration is for people");
  }
  if (const auto limit = parse_limit(text)) {
    require(limit->calls >= 1 && limit->window > Duration::zero(), "a limit lets something through");
    require(parse_limit(format_limit(*limit)) == limit, "a limit is read as it was written");
  }
  try {
    for (const Fault& fault : parse_faults(text))
      require(fault.probability >= 0 && fault.probability <= 1, "a probability is 0 to 1");
  } catch (const Error& error) {
    require(error.exit() == Exit::usage && is_printable(error.what()), "a fault that is wrong is a wrong command line");
  }
  try {
    check_overrides({parse_override(text)});
  } catch (const Error& error) {
    require(is_printable(error.what()) && is_printable(error.hint()), "a message is printable");
  }
  return 0;
}
