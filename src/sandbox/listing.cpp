#include "sandbox/listing.h"

namespace convoke {

Listing::Listing(const ListQuery& asked, SandboxReply& reply)
    : out_(reply.body), first_(asked.first), limit_(asked.limit) {
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
