#include "sandbox/spot_members.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/text.h"
#include "sandbox/member_table.h"
#include "sandbox/participant.h"
#include "sandbox/random.h"

namespace convoke {
namespace {

// What is drawn of an address, each apart from the others.
constexpr std::uint64_t for_known = 0x6B6E6F776EULL;
constexpr std::uint64_t for_refused = 0x72656675736564ULL;
constexpr std::uint64_t for_id = 0x6964ULL;
constexpr std::uint64_t for_user = 0x75736572ULL;
constexpr std::uint64_t for_spot = 0x73706F74ULL;

/// Since when those who exist from the start are as they are: 2023-01-01.
constexpr WallTime updated_before{std::chrono::milliseconds(1'672'531'200'000)};

constexpr std::size_t longest_address = 254;  // RFC 5321, with the errata

}  // namespace

MemberId id_from(std::uint64_t key) {
  MemberId id;
  const std::uint64_t halves[2] = {mix(key), mix(key + 1)};
  std::memcpy(id.bytes.data(), halves, sizeof halves);
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);
  return id;
}

std::size_t SpotMembers::IdHash::operator()(const MemberId& id) const {
  return MemberTable::hash(0, id);
}

SpotMembers::SpotMembers(SpotMemberSettings settings, std::uint64_t seed)
    : settings_(std::move(settings)), seed_(seed) {
  if (!settings_.listed) return;
  for (const ListedMember& member : *settings_.listed) {
    by_address_.emplace(lower_case(member.address), add(member.id, member.address));
  }
  settings_.listed->clear();  // that there is a list is all that is left to know of it
  settings_.listed->shrink_to_fit();
}

bool SpotMembers::is_address(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos || at == 0 || text.size() > longest_address) return false;
  const std::string_view domain = text.substr(at + 1);
  if (domain.empty() || domain.find('@') != std::string_view::npos) return false;
  if (domain.starts_with('.') || domain.ends_with('.') || domain.find("..") != std::string_view::npos) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7F || c == ',';
  });
}

std::uint64_t SpotMembers::key_of(std::string_view folded) const {
  std::uint64_t key = mix(seed_);
  for (const char c : folded) key = mix(key ^ static_cast<unsigned char>(c));
  return key;
}

bool SpotMembers::is_in_share(std::uint64_t key, double share) const {
  return Random(key).unit() < share;
}

std::optional<std::uint32_t> SpotMembers::number_of(std::string_view folded) const {
  const auto found = by_address_.find(folded);
  if (found == by_address_.end()) return std::nullopt;
  return found->second;
}

std::optional<MemberId> SpotMembers::member_of(std::string_view address) const {
  const std::string folded = lower_case(address);
  if (const auto number = number_of(folded)) return members_[*number].id;
  if (settings_.listed || !is_address(folded)) return std::nullopt;
  const std::uint64_t key = key_of(folded);
  if (!is_in_share(key ^ for_known, settings_.share_of_addresses_known)) return std::nullopt;
  return id_from(key ^ for_id);
}

bool SpotMembers::was_made(std::string_view address) const {
  const auto number = number_of(lower_case(address));
  return number && members_[*number].made;
}

std::uint32_t SpotMembers::add(const MemberId& id, std::string_view address) {
  const auto number = static_cast<std::uint32_t>(members_.size());
  const auto [place, is_new] = by_id_.emplace(id, number);
  if (is_new) members_.push_back({.id = id, .address = std::string(address), .updated_at = updated_before});
  return place->second;
}

const SpotMember* SpotMembers::look_up(std::string_view address) {
  const auto id = member_of(address);
  if (!id) return nullptr;
  return &members_[add(*id, lower_case(address))];
}

SpotMembers::Making SpotMembers::make(std::string_view address, bool with_mail, WallTime now) {
  if (!is_address(address)) return Making::not_an_address;
  std::string folded = lower_case(address);
  if (const auto existing = member_of(folded)) {
    ++members_[add(*existing, folded)].asked;
    return Making::exists;
  }
  const std::uint64_t key = key_of(folded);
  if (is_in_share(key ^ for_refused, settings_.refused_addresses)) return Making::refused;
  const std::uint32_t number = add(id_from(key ^ for_id), address);
  SpotMember& member = members_[number];
  member.updated_at = now;
  member.asked = 1;
  member.made = true;
  member.mailed = with_mail;
  made_.push_back(number);
  by_address_.emplace(std::move(folded), number);
  return Making::made;
}

const SpotMember* SpotMembers::with_id(const MemberId& id) const {
  if (by_id_.empty()) return nullptr;
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &members_[found->second];
}

// Who was made by a call has neither accepted nor given a name.
void append_spot_member(std::string& out, const SpotMember& member) {
  const std::uint64_t person = MemberTable::hash(0, member.id);
  const auto names = member.made ? std::nullopt : names_of(member.id);
  const auto name = [&](std::string_view text) { return names ? json_string(text) : std::string("null"); };
  fmt::format_to(std::back_inserter(out),
                 R"({{"id":"{}","spotId":"{}","userId":"{}","email":{},"title":null,"lang":"en","role":"Member",)"
                 R"("status":"{}","firstname":{},"lastname":{},"updatedAt":{}}})",
                 member.id.text(), id_from(for_spot).text(), id_from(person ^ for_user).text(),
                 json_string(member.address), member.made ? "Invited" : "Accepted",
                 name(names ? names->first : std::string_view()), name(names ? names->last : std::string_view()),
                 json_string(format_time(member.updated_at)));
}

}  // namespace convoke
