// Who takes part, changed behind the client's back.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sandbox/list_query.h"
#include "sandbox/sandbox.h"

namespace convoke {
namespace {

struct Becoming {
  std::string_view word;  ///< of a request
  ParticipantChange change;
  Participation participation;
};
constexpr std::array<Becoming, 4> becomings = {{
    {"Started", ParticipantChange::started, Participation::started},
    {"Completed", ParticipantChange::completed, Participation::completed},
    {"Unenrolled", ParticipantChange::unenrolled, Participation::unenrolled},
    {"removed", ParticipantChange::removed, Participation::none},
}};

bool begins_with(const MemberId& id, std::string_view prefix) {
  std::array<char, MemberId::text_size> text{};
  id.write(text.data());
  return std::string_view(text.data(), text.size()).starts_with(prefix);
}

}  // namespace

std::size_t Sandbox::change_participants(std::string_view course, std::string_view prefix, ParticipantChange what,
                                         WallTime wall) {
  const Participation after = std::ranges::find(becomings, what, &Becoming::change)->participation;
  std::size_t changed = 0;
  for (std::uint32_t number = 0; number < members_.target_count(); ++number) {
    const Target& target = members_.target(number);
    if (target.kind != TargetKind::course || (!course.empty() && target.id != course)) continue;
    for (const std::uint32_t index : members_.participants(number)) {
      MemberRecord& member = members_[index];
      if (member.participation == after || !begins_with(member.id, prefix)) continue;
      member.become(after, wall);
      ++changed;
    }
    if (what == ParticipantChange::removed) members_.drop_participants(number);
  }
  if (what == ParticipantChange::removed) stats_.members_invited -= changed;
  return changed;
}

/// POST /_sandbox/participants
void Sandbox::serve_change(std::string_view query, WallTime wall, SandboxReply& reply) {
  Parameters given;
  if (const auto wrong = read_parameters(query, {"course", "prefix", "becomes"}, given)) {
    return reply.refuse(400, *wrong);
  }
  const std::string& course = given["course"];
  const std::string prefix = lower_case(given["prefix"]);
  const auto becoming = std::ranges::find(becomings, given["becomes"], &Becoming::word);
  if (becoming == becomings.end()) {
    return reply.refuse(400, "becomes must be one of Started, Completed, Unenrolled, removed");
  }
  if (prefix.find_first_not_of("0123456789abcdef-") != std::string::npos) {
    return reply.refuse(400, fmt::format("no id starts with {}", excerpt(prefix)));
  }
  if (!course.empty() && !exists({TargetKind::course, course})) return reply.refuse(400, "course not found");
  reply.answer(200, fmt::format(R"({{"changed":{}}})", change_participants(course, prefix, becoming->change, wall)));
}

}  // namespace convoke
