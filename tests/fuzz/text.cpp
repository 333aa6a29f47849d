// Text that is not ours, made fit for a terminal, a shell, or JSON.
#include "base/text.h"

#include <simdjson.h>

#include "fuzz.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string shown = excerpt(text, 40);
  require(is_printable(shown) && shown.size() <= 43, "an excerpt is short and printable");
  require(simdjson::validate_utf8(shown), "an excerpt is UTF-8");
  require(is_printable(shell_word(text)), "a word of a shell is printable");
  const std::string json = json_string(text);
  require(is_printable(json), "a JSON string is printable");
  simdjson::dom::parser parser;
  std::string_view read;
  require(parser.parse(json).get(read) == simdjson::SUCCESS, "a JSON string is JSON");
  if (simdjson::validate_utf8(text)) require(read == text, "JSON keeps text that is UTF-8");
  return 0;
}
