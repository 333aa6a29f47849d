// What reaches the sandbox: a line for the method, one for the target, and the body.
#include "fuzz.h"
#include "sandbox/sandbox.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  SandboxSettings settings;
  settings.key = "key";
  settings.poison = {"bad"};
  settings.ignore = {"1"};
  settings.max_ids = 5;
  settings.quote_poison = true;
  settings.spot_members.share_of_addresses_known = 0.5;
  settings.largest_lookup = 3;
  settings.longest_target = 200;
  Sandbox sandbox(settings);
  SandboxRequest request;
  const std::string method(input.line());
  const std::string target(input.line());
  const std::string body(input.rest());  // of the exact size: a byte read beyond it is seen
  request.method = method;
  request.target = target;
  request.authorization = "key";
  request.content_type = "application/json";
  request.body = body;
  const WallTime wall{std::chrono::seconds(1'700'000'000)};
  for (const int status : {0, 1}) {  // the second finds the members that the first invited
    const SandboxReply reply = sandbox.handle(request, Instant(std::chrono::seconds(1 + status)), wall);
    require(reply.status >= 200 && reply.status < 600 && reply.status != 500, "the sandbox answers");
  }
  require(sandbox.stats().members_made == sandbox.spot_members().made_count(), "who is made is made once");
  require(sandbox.stats().members_invited <= sandbox.members().size(), "who is invited was asked for");
  return 0;
}
