// config.toml: it is read, or refused with a message.
#include "job/config.h"

#include "base/error.h"
#include "fuzz.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file({reinterpret_cast<const char*>(data), size});
  try {
    const Config config = load_config(file.path(), {}, [](const std::string&) { return std::nullopt; });
    require(config.api.timeout > Duration::zero(), "a call has an end");
    require(config.retry.attempts >= 1, "a chunk is asked for once at least");
    for (const Limit& limit : config.limits.calls)
      require(limit.calls >= 1 && limit.window > Duration::zero(), "a limit lets something through");
  } catch (const Error& error) {
    require(error.exit() == Exit::bad_config, "a config that is wrong is a bad config");
    require(is_printable(error.what()) && is_printable(error.hint()), "a message is printable");
  }
  return 0;
}
