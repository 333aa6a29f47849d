// The ledger's `lines` column: what is written is read again, and what a damaged ledger holds is read without harm.
#include <cstring>
#include <vector>

#include "fuzz.h"
#include "ledger/chunks.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> lines(size / sizeof(std::uint64_t));
  if (!lines.empty()) std::memcpy(lines.data(), data, lines.size() * sizeof(std::uint64_t));
  if (!lines.empty()) require(decode_lines(encode_lines(lines)) == lines, "lines are read as they were written");
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (!text.empty()) require(decode_lines(text).size() <= text.size(), "no more lines than there are bytes");
  return 0;
}
