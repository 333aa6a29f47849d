// The lists of courses, and of who takes part in one.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "sandbox/listing.h"
#include "sandbox/participant.h"
#include "sandbox/sandbox.h"

namespace convoke {
namespace {

// The API has more of a course; nobody is shut out of any here.
constexpr std::string_view privacy = "Public";

constexpr std::array<std::string_view, 4> participant_statuses = {
    name_of(Participation::invited), name_of(Participation::started), name_of(Participation::completed),
    name_of(Participation::unenrolled)};

/// The end of every address that is made up.
constexpr std::string_view made_up_domain = "@example.com";

/// Whether a filter lets a value pass; one that is not given does.
bool passes(const ListQuery& asked, std::string_view filter, std::string_view value) {
  const auto* values = asked.filter(filter);
  return values == nullptr || std::find(values->begin(), values->end(), value) != values->end();
}

/// Whether a filter names nothing but statuses of participants.
bool names_statuses(const ListQuery& asked, std::string_view filter) {
  const auto* values = asked.filter(filter);
  return values == nullptr || std::ranges::all_of(*values, [](const std::string& value) {
           return std::ranges::find(participant_statuses, value) != participant_statuses.end();
         });
}

void append_participant(std::string& out, const MemberRecord& member, const SpotMember* spot_member,
                        const TargetText& text) {
  const KnownPerson person(spot_member);
  const std::size_t at = out.size();
  out.resize(at + text.participant_room() + person.address_json.size());
  const char* end = write_participant(out.data() + at, member, person, text, time_json(text.kind, member.invited_at));
  out.resize(static_cast<std::size_t>(end - out.data()));
}

}  // namespace

bool Sandbox::is_draft(std::string_view course) const {
  const auto& drafts = settings_.draft_courses;
  return std::find(drafts.begin(), drafts.end(), course) != drafts.end();
}

/// Those of the settings; if these take any, also those that were asked for so far. Each once.
std::vector<std::string> Sandbox::known_courses() const {
  std::vector<std::string> known;
  std::set<std::string_view> seen;
  const auto add = [&](const std::string& course) {
    if (seen.insert(course).second) known.push_back(course);
  };
  for (const std::string& course : settings_.courses) add(course);
  for (const std::string& course : settings_.draft_courses) add(course);
  for (std::uint32_t number = 0; settings_.courses.empty() && number < members_.target_count(); ++number) {
    const Target& target = members_.target(number);
    if (target.kind == TargetKind::course) add(target.id);
  }
  return known;
}

void Sandbox::list_courses(std::string_view query, SandboxReply& reply) const {
  ListQuery asked;
  if (const auto wrong = read_list_query(query, {"status[eq]", "privacy[eq]"}, settings_, asked)) {
    return reply.refuse_payload(*wrong);
  }
  // Where any course will do there are too many to list.
  if (settings_.courses.empty() && settings_.draft_courses.empty()) return reply.refuse(404, "no list of courses");
  Listing listing(asked, reply);
  for (const std::string& course : known_courses()) {
    const std::string_view status = is_draft(course) ? "Draft" : "Published";
    if (!passes(asked, "status[eq]", status) || !passes(asked, "privacy[eq]", privacy)) continue;
    if (!listing.takes_next()) continue;
    reply.body += fmt::format(R"({{"id":{},"title":{},"status":"{}","privacy":"{}"}})", json_string(course),
                              json_string("Course " + course), status, privacy);
  }
  listing.end();
}

// The newest first, so that who reads page by page while others are invited meets some twice: the API promises no
// order.
void Sandbox::list_participants(std::string_view query, std::string_view course, SandboxReply& reply) {
  ListQuery asked;
  if (const auto wrong = read_list_query(query, {"status[eq]", "status[in]", "email[in]"}, settings_, asked)) {
    return reply.refuse_payload(*wrong);
  }
  if (!names_statuses(asked, "status[eq]") || !names_statuses(asked, "status[in]")) {
    return reply.refuse_payload(fmt::format("status must be one of {}", fmt::join(participant_statuses, ", ")));
  }
  const Target target{TargetKind::course, std::string(course)};
  if (!exists(target)) return reply.refuse(404, "course not found");

  const std::uint32_t number = members_.number_of(target.kind, target.id);
  const auto* addresses = asked.filter("email[in]");
  const std::vector<std::uint32_t> chosen =
      addresses == nullptr ? std::vector<std::uint32_t>() : participants_with(*addresses, number);
  const auto& participants = addresses == nullptr ? members_.participants(number) : chosen;
  const bool by_status = asked.filter("status[eq]") != nullptr || asked.filter("status[in]") != nullptr;
  const TargetText text(target);
  Listing listing(asked, reply);
  for (auto index = participants.rbegin(); index != participants.rend(); ++index) {
    if (by_status) {
      const std::string_view status = name_of(members_[*index].participation);
      if (!passes(asked, "status[eq]", status) || !passes(asked, "status[in]", status)) continue;
    }
    if (!listing.takes_next()) continue;
    const MemberRecord& member = members_[*index];
    append_participant(reply.body, member, spot_members_.with_id(member.id), text);
  }
  listing.end();
}

/// The participants that have one of these addresses, their own or one made up; all of a course are looked at for the
/// latter only.
std::vector<std::uint32_t> Sandbox::participants_with(const std::vector<std::string>& addresses, std::uint32_t course) {
  std::set<std::uint32_t> found;
  std::set<std::string> made_up;
  for (const std::string& address : addresses) {
    if (const SpotMember* member = spot_members_.look_up(address)) {
      const auto index = members_.index_of(course, member->id);
      if (index && members_[*index].invited()) found.insert(*index);
    }
    std::string folded = lower_case(address);
    if (folded.ends_with(made_up_domain)) made_up.insert(std::move(folded));
  }
  for (const std::uint32_t index : members_.participants(course)) {
    if (made_up.empty()) break;
    const MemberId& id = members_[index].id;
    if (spot_members_.with_id(id) == nullptr && made_up.contains(made_up_address(id))) found.insert(index);
  }
  return {found.begin(), found.end()};
}

}  // namespace convoke
