// Member ids, as they are and in another dress.
#include "base/member_id.h"

#include <algorithm>

#include "fuzz.h"
#include "source/row_check.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size: a byte read beyond it is seen.
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto checked = check_member(text);
  const auto* found = std::get_if<CheckedId>(&checked);
  if (const auto id = MemberId::parse(text)) {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c); });
    require(id->text() == lower, "an id is written as it was read, in lower case");
    require(found != nullptr && found->id == *id && !found->mended, "an id needs no mending");
  }
  if (found != nullptr) {
    require(MemberId::parse(found->id.text()) == found->id, "what was mended is an id");
  } else {
    const Reason reason = std::get<Reason>(checked);
    require(reason == Reason::no_id || reason == Reason::not_an_id || reason == Reason::email_address,
            "what is no id has a reason");
  }
  (void)check_target(text);
  return 0;
}
