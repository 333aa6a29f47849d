#include "sandbox/listing.h"

#include <algorithm>

namespace convoke {

Listing::Listing(const ListQuery& asked, std::size_t page_limit, SandboxReply& reply)
    : out_(reply.body), limit_(std::min(asked.limit.value_or(page_limit), page_limit)) {
  first_ = (asked.page - 1) * limit_;
  reply.answer(200, R"({"items":[)");
}

bool Listing::takes_next() {
  const std::size_t number = total_++;
  if (number < first_ || number - first_ >= limit_) return false;
  if (number > first_) out_ += ',';
  return true;
}

void Listing::end() {
  out_ += R"(],"total":)" + std::to_string(total_) + '}';
}

}  // namespace convoke
