// The message of an error body, and the members that it quotes.
#include "api/error_body.h"
#include "fuzz.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<MemberId> ids(3);
  ids[1].bytes[0] = 1;
  ids[2].bytes[15] = 0xFF;
  std::swap(ids[1], ids[2]);  // ascending
  for (const auto member : quoted_members(text, ids)) require(member < ids.size(), "who is quoted was asked for");
  const std::string message = error_message(text);
  require(is_printable(message), "a message is printable");
  require(message.size() <= 203, "a message is an excerpt");  // and the three bytes of an ellipsis
  return 0;
}
