// The config, the jobs and the lists that come with the program work as they are, and have the warts they are to show.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <set>

#include "job/config.h"
#include "job/job.h"
#include "source/fingerprint.h"
#include "source/row_check.h"

using namespace convoke;

namespace {

struct Count {
  int rows = 0, members = 0, duplicates = 0, invalid = 0, mended = 0;
  std::set<std::string> courses;
  std::map<std::string, int> reasons;
};

Count count(const std::string& name) {
  const std::filesystem::path root = CONVOKE_SOURCE_DIR;
  const Config config = load_config(root / "config.toml", {}, [](const std::string&) { return std::nullopt; });
  const Job job = load_job(name, config, {});
  CHECK(fingerprint_of(job.source).size() == 64);
  Count count;
  std::set<std::pair<std::string, MemberId>> seen;
  const auto source = open_source(job.source);
  MemberList list(*source, job.target);
  while (const auto row = list.next()) {
    ++count.rows;
    if (const auto* wrong = std::get_if<Reason>(&row->member)) {
      ++count.invalid;
      ++count.reasons[std::string(name_of(*wrong))];
      continue;
    }
    const auto& member = std::get<CheckedId>(row->member);
    if (member.mended) ++count.mended;
    if (seen.emplace(row->target, member.id).second) {
      ++count.members;
      count.courses.emplace(row->target);
    } else {
      ++count.duplicates;
    }
  }
  CHECK(count.rows == count.members + count.duplicates + count.invalid);
  return count;
}

}  // namespace

TEST_CASE("the config that comes with the program says the defaults") {
  const auto none = [](const std::string&) { return std::nullopt; };
  const std::filesystem::path root = CONVOKE_SOURCE_DIR;
  const Config config = load_config(root / "config.toml", {}, none);
  const Config otherwise;
  CHECK(config.api.base_url == otherwise.api.base_url);
  CHECK(config.api.timeout == otherwise.api.timeout);
  CHECK(config.api.connections == otherwise.api.connections);
  CHECK(config.key.variable == otherwise.key.variable);
  CHECK(config.limits.calls == otherwise.limits.calls);
  CHECK(config.limits.reserve == otherwise.limits.reserve);
  CHECK(config.retry.attempts == otherwise.retry.attempts);
  CHECK(config.retry.first == otherwise.retry.first);
  CHECK(config.retry.longest == otherwise.retry.longest);
  CHECK(config.retry.patience == otherwise.retry.patience);
  CHECK_FALSE(config.run.max_failures);
  CHECK(config.ledger_path == root / "convoke.db");
  CHECK(config.keep_profile == otherwise.keep_profile);
}

TEST_CASE("the sample list of members has duplicates and every kind of invalid id") {
  const Count members = count("members");
  CHECK(members.rows == 3073);
  CHECK(members.members == 3002);
  CHECK(members.duplicates == 60);
  CHECK(members.mended == 2);
  CHECK(members.reasons == std::map<std::string, int>{{"no_id", 4}, {"not_an_id", 6}, {"email_address", 1}});
}

TEST_CASE("the sample database and the list over many courses can be read") {
  const Count crm = count("crm");
  CHECK(crm.members > 400);
  CHECK(crm.duplicates > 0);
  CHECK(crm.reasons.at("no_id") > 0);
  const Count many = count("many-courses");
  CHECK(many.courses.size() == 12);
  CHECK(many.members > 1500);
  CHECK(many.duplicates > 0);
  CHECK(many.reasons == std::map<std::string, int>{{"no_id", 1}, {"no_course", 2}});
}

TEST_CASE("the sample workbook has titles above its header, blank rows, and addresses in every case") {
  XlsxSettings settings{.path = std::string(CONVOKE_SOURCE_DIR) + "/sample-data/contacts.xlsx", .header_row = 4};
  const auto members = open_source(settings);
  MemberList list(*members, {TargetKind::course, "course"});
  int rows = 0;
  int ids = 0;
  std::uint64_t last = 0;
  while (const auto row = list.next()) {
    ++rows;
    last = row->line;
    if (std::holds_alternative<CheckedId>(row->member)) ++ids;
  }
  CHECK(rows == 60);
  CHECK(ids == 19);
  CHECK(last == 69);  // five rows between are blank
  settings.sheet = "Contacts";
  settings.member_column = {};
  settings.email_column = "email";
  const auto addresses = open_source(settings);
  MemberList list_of_addresses(*addresses, {TargetKind::course, "course"});
  std::set<std::string> written;
  std::set<std::string> different;
  std::map<std::string, int> reasons;
  while (const auto row = list_of_addresses.next()) {
    written.emplace(row->value);
    if (const auto* found = std::get_if<CheckedAddress>(&row->member)) different.insert(found->address);
    if (const auto* wrong = std::get_if<Reason>(&row->member)) ++reasons[std::string(name_of(*wrong))];
  }
  CHECK(reasons == std::map<std::string, int>{{"not_an_address", 1}});
  CHECK(written.size() > different.size());
  CHECK(different.contains("nobody@example.org"));
  CHECK(different.size() == 55);
}
