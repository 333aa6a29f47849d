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

void append_member(std::string& out, const MemberRecord& member, const Target& target) {
  out += fmt::format(R"({{"target":"{}","courseId":)", name_of(target.kind));
  append_json_string(out, target.id);
  out += R"(,"spotMemberId":")";
  const std::size_t at = out.size();
  out.resize(at + MemberId::text_size);
  member.id.write(out.data() + at);
  const char* quote = member.invited() ? "\"" : "";
  fmt::format_to(std::back_inserter(out),
                 R"(","asked":{},"invited":{},"invitations":{},"mails":{},"mails_again":{},"status":{}{}{}}})",
                 member.asked, member.invited(), member.by_call ? 1 : 0, member.mailed ? 1 : 0, member.mails_again,
                 quote, member.invited() ? name_of(member.participation) : "null", quote);
}

void append_made(std::string& out, const SpotMember& member) {
  fmt::format_to(std::back_inserter(out), R"({{"email":{},"spotMemberId":"{}","asked":{},"made":1,"mails":{}}})",
                 json_string(member.address), member.id.text(), member.asked, member.mailed ? 1 : 0);
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
      R"("mails":{},"mails_again":{},"lookups":{},"addresses_asked":{},"members_made":{},"made_again":{},)"
      R"("mails_to_made":{}}})"
      "\n",
      stats_.requests, listed(stats_.statuses, counted), stats_.unanswered, listed(stats_.faults, counted),
      stats_.over_limit, windows, stats_.connections, members_.size(), stats_.members_asked, stats_.asked_again,
      stats_.members_invited, stats_.invitations, stats_.mails, stats_.mails_again, stats_.lookups,
      stats_.addresses_asked, stats_.members_made, stats_.made_again, stats_.mails_to_made);
}

bool Sandbox::append_lines(std::string& out, RecordLines which, std::size_t from, std::size_t count) const {
  const bool of_made = which == RecordLines::made;
  const std::size_t size = of_made ? spot_members_.made_count() : members_.size();
  if (from >= size) return false;
  const std::size_t end = from + std::min(count, size - from);
  for (std::size_t i = from; i < end; ++i) {
    if (of_made) {
      append_made(out, spot_members_.made(i));
    } else {
      append_member(out, members_[i], members_.target(members_[i].target));
    }
    out += '\n';
  }
  return true;
}

}  // namespace convoke
