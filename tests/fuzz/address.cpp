// E-mail addresses: whatever is taken for one can be compared, and asked for by a filter of the API.
#include "base/address.h"

#include <algorithm>

#include "base/blanks.h"
#include "fuzz.h"
#include "source/row_check.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size: a byte read beyond it is seen.
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto address = folded_address(text);
  const auto checked = check_address(text);
  const auto* found = std::get_if<CheckedAddress>(&checked);
  require((found != nullptr) == address.has_value(), "a row's address is a folded one");
  if (found == nullptr) {
    const Reason reason = std::get<Reason>(checked);
    require(reason == Reason::no_id || reason == Reason::not_an_address, "what is no address has a reason");
    return 0;
  }
  require(found->address == *address, "a row's address is the folded one");
  require(found->mended == (found->address.size() < trim_blanks(text).size()), "what had to go was mended");
  require(folded_address(*address) == address, "what is folded stays as it is");
  require(address->size() >= 3 && address->size() <= longest_address, "an address is of 3 to 254 bytes");
  require(std::count(address->begin(), address->end(), '@') == 1, "an address has one @");
  require(address->front() != '@' && address->back() != '@', "something stands before it and after it");
  require(address->find_first_of(" ,<>") == std::string::npos, "no filter takes it for two");
  require(is_printable(*address), "an address is printable");
  require(std::none_of(address->begin(), address->end(), [](char c) { return c >= 'A' && c <= 'Z'; }),
          "an address is in lower case");
  return 0;
}
