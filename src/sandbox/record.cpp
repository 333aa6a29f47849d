// The sandbox's record as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "sandbox/sandbox.h"

namespace convoke {

namespace {

/// `one(entry)` of each, with commas between.
std::string listed(const auto& entries, const auto& one) {
  std::string list;
  for (const auto& entry : entries) list += (list.empty() ? "" : ",") + one(entry);
  return list;
}

}  // namespace

std::string Sandbox::stats_json() const {
  const auto counted = [](const auto& entry) { return fmt::format(R"("{}":{})", entry.first, entry.second); };
  const std::string windows = listed(arrivals_.windows(), [](const WindowCount& window) {
    return fmt::format(R"({{"limit":"{}","most":{},"over":{}}})", format_limit(window.limit), window.most, window.over);
  });
  return fmt::format(
      R"({{"requests":{},"statuses":{{{}}},"unanswered":{},"faults":{{{}}},"over_limit":{},"most_in_window":[{}],)"
      R"("connections":{},"members":{},"members_asked":{},"asked_again":{},"members_invited":{},"invitations":{},)"
      R"("mails":{},"mails_again":{}}})"
      "\n",
      stats_.requests, listed(stats_.statuses, counted), stats_.unanswered, listed(stats_.faults, counted),
      stats_.over_limit, windows, stats_.connections, members_.size(), stats_.members_asked, stats_.asked_again,
      stats_.members_invited, stats_.invitations, stats_.mails, stats_.mails_again);
}

bool Sandbox::append_members(std::string& out, std::size_t from, std::size_t count) const {
  if (from >= members_.size()) return false;
  const std::size_t end = from + std::min(count, members_.size() - from);
  for (std::size_t i = from; i < end; ++i) {
    const MemberRecord& member = members_[i];
    const Target& target = members_.target(member.target);
    out += fmt::format(R"({{"target":"{}","courseId":)", name_of(target.kind));
    append_json_string(out, target.id);
    out += R"(,"spotMemberId":")";
    const std::size_t at = out.size();
    out.resize(at + MemberId::text_size);
    member.id.write(out.data() + at);
    fmt::format_to(std::back_inserter(out),
                   R"(","asked":{},"invited":{},"invitations":{},"mails":{},"mails_again":{}}})", member.asked,
                   member.invited, member.by_call ? 1 : 0, member.mailed ? 1 : 0, member.mails_again);
    out += '\n';
  }
  return true;
}

}  // namespace convoke
