#include "sandbox/spot_member_file.h"

#include <fmt/format.h>

#include <set>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "sandbox/spot_members.h"
#include "source/member_source.h"

namespace convoke {

std::vector<ListedMember> read_spot_members(const std::string& path) {
  CsvSettings settings;
  settings.path = path;
  settings.member_column = "id";
  settings.email_column = "email";
  const auto source = open_source(settings);
  std::vector<ListedMember> members;
  std::unordered_set<std::string> addresses;
  std::set<MemberId> ids;
  while (const auto row = source->next()) {
    const auto fail = [&](std::string_view what, std::string_view value) {
      throw Error(Exit::bad_source, fmt::format("{}: {}", what, json_string(excerpt(value))),
                  fmt::format("{}:{}", path, row->line), "a list of spot members has the columns email,id");
    };
    const auto id = MemberId::parse(row->member);
    if (!SpotMembers::is_address(row->email)) fail("not an e-mail address", row->email);
    if (!id) fail("not a member id (a UUID)", row->member);
    if (!addresses.insert(lower_case(row->email)).second) fail("an address for the second time", row->email);
    if (!ids.insert(*id).second) fail("an id for the second time", row->member);
    members.push_back({std::string(row->email), *id});
  }
  return members;
}

}  // namespace convoke
