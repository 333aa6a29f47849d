// The calls about spot members: who has an address, and members made of addresses.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "sandbox/listing.h"
#include "sandbox/sandbox.h"

namespace convoke {
namespace {

std::string_view why_not(SpotMembers::Making making) {
  switch (making) {
    case SpotMembers::Making::made:
      break;
    case SpotMembers::Making::exists:
      return "already exists";
    case SpotMembers::Making::refused:
      return "cannot be invited";
    case SpotMembers::Making::not_an_address:
      return "invalid email";
  }
  return {};
}

}  // namespace

// In the order of the ids, which is none to whoever asks: the API promises none.
void Sandbox::look_up(std::string_view query, SandboxReply& reply) {
  ListQuery asked;
  if (const auto wrong = read_list_query(query, {"email[in]"}, settings_, asked)) return reply.refuse_payload(*wrong);
  const auto* addresses = asked.filter("email[in]");
  // Members who follow from the seed are nobody's to list.
  if (addresses == nullptr) return reply.refuse_payload("the sandbox lists spot members by email[in] only");
  if (settings_.largest_lookup > 0 && addresses->size() > settings_.largest_lookup) {
    return reply.refuse_payload(fmt::format("email[in] must not hold more than {}", settings_.largest_lookup));
  }
  ++stats_.lookups;
  stats_.addresses_asked += addresses->size();
  std::vector<const SpotMember*> found;
  for (const std::string& address : *addresses) {
    if (const SpotMember* member = spot_members_.look_up(address)) found.push_back(member);
  }
  std::ranges::sort(found, {}, [](const SpotMember* member) { return member->id; });
  found.erase(std::unique(found.begin(), found.end()), found.end());

  Listing listing(asked, reply);
  for (const SpotMember* member : found) {
    if (listing.takes_next()) append_spot_member(reply.body, *member);
  }
  listing.end();
}

void Sandbox::make_members(const SandboxRequest& request, WallTime wall, bool lose_one, SandboxReply& reply) {
  if (refuses_body(request, reply)) return;
  AddressBody body;
  if (const auto wrong = reader_.read(request.body, body)) return reply.refuse_payload(*wrong);
  if (settings_.max_ids > 0 && body.addresses.size() > settings_.max_ids) {
    return reply.refuse(413, "payload is too large");
  }
  std::vector<std::string> created;
  std::string failed;
  for (const std::string& address : body.addresses) {
    const SpotMembers::Making making = spot_members_.make(address, body.with_mail, wall);
    if (making == SpotMembers::Making::made) {
      append_spot_member(created.emplace_back(), spot_members_.made(spot_members_.made_count() - 1));
      continue;
    }
    if (making == SpotMembers::Making::exists) ++stats_.made_again;
    failed += fmt::format(R"({}{{"email":{},"message":"{}"}})", failed.empty() ? "" : ",", json_string(address),
                          why_not(making));
  }
  stats_.members_made += created.size();
  if (body.with_mail) stats_.mails_to_made += created.size();
  if (lose_one && !created.empty()) {
    created.erase(created.begin() + static_cast<std::ptrdiff_t>(fault_chance_.below(created.size())));
  }
  reply.answer(200, fmt::format(R"({{"created":[{}],"failed":[{}]}})", fmt::join(created, ","), failed));
}

}  // namespace convoke
