#include "checks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "api/invite.h"
#include "base/address.h"
#include "ledger/statement.h"

namespace convoke {
namespace {

// Calls that were noted and not answered for yet: they count as attempts when the next run finds them.
int open_calls_for(Database& database, JobId job, const std::string& member) {
  return Statement(database, R"sql(
    SELECT count(*) FROM call JOIN run USING (run_id) WHERE open = 1 AND job_id = ?1
    AND (instr(ids, ?2) > 0
         OR (ids IS NULL AND chunk_id IN (SELECT chunk_id FROM chunk WHERE instr(chunk.ids, ?2) > 0)))
  )sql")
      .the<int>(job, *MemberId::parse(member));
}

struct Listed {
  std::int64_t due = 0;
  std::int64_t bad = 0;          // rejected, failed, in doubt
  std::int64_t not_invited = 0;  // whatever the ledger says, by the server's record; who has no member counts as well
};

Listed listed(World& world, const WorldJob& job) {
  Listed found;
  const auto outcomes = world.outcomes(job.name);
  found.not_invited = static_cast<std::int64_t>(unknown_addresses_of(world, job).size());
  for (const auto& [line, address] : world.addresses_of(job.name)) {
    if (!address.in_list) continue;
    if (address.outcome == "pending") ++found.due;
    if (address.outcome != "pending") ++found.bad;
  }
  for (const std::string& member : members_of(world, job)) {
    const MemberRecord* record = world.record(job, member);
    if (record == nullptr || !record->invited()) ++found.not_invited;
    const auto outcome = outcomes.find(member);
    if (outcome == outcomes.end()) continue;
    if (outcome->second == "pending") ++found.due;
    if (outcome->second == "rejected" || outcome->second == "failed" || outcome->second == "in_doubt") ++found.bad;
  }
  return found;
}

}  // namespace

Settled settled_members(World& world, const std::vector<WorldJob>& jobs) {
  Settled settled;
  for (const WorldJob& job : jobs) {
    for (const auto& [member, outcome] : world.outcomes(job.name)) {
      if (outcome != "invited" && outcome != "already_invited" && outcome != "rejected") continue;
      // (Another list may have the same member, for another target.)
      std::vector<std::string> courses = job.more_courses;
      courses.push_back(job.course);
      for (const std::string& course : courses) {
        const std::string key = invite_request({job.kind, course, Step::invite}, {}, {}, false).target + ' ' + member;
        const auto sent = world.sent.find(key);
        settled[key] = sent == world.sent.end() ? 0 : sent->second;
      }
    }
  }
  return settled;
}

void check_nobody_asked_again(World& world, const Settled& settled) {
  for (const auto& [id, sent] : settled) {
    const auto& member = id;
    const auto now = world.sent.find(member);
    REQUIRE_MESSAGE((now == world.sent.end() ? 0 : now->second) == sent, member << " was settled, and asked for again");
  }
}

std::set<std::string> members_of(const World& world, const WorldJob& job) {
  std::set<std::string> members;
  for (const std::string& row : job.rows) {
    if (MemberId::parse(row)) members.insert(row);
    const auto address = folded_address(row);
    if (!address) continue;
    if (const auto member = world.sandbox.spot_members().member_of(*address)) members.insert(member->text());
  }
  return members;
}

std::set<std::string> unknown_addresses_of(const World& world, const WorldJob& job) {
  std::set<std::string> addresses;
  for (const std::string& row : job.rows) {
    const auto address = folded_address(row);
    if (address && !world.sandbox.spot_members().member_of(*address)) addresses.insert(*address);
  }
  return addresses;
}

void check_exit(World& world, const WorldJob& job, const World::Ended& ended, bool ignore_invalid) {
  if (!ended.exit || ended.was_busy) return;
  const Listed list = listed(world, job);
  const bool has_invalid = std::any_of(job.rows.begin(), job.rows.end(), [](const std::string& row) {
    return !MemberId::parse(row) && !folded_address(row);
  });
  CAPTURE(job.name);
  CAPTURE(name_of(ended.end.by));
  CAPTURE(list.due);
  CAPTURE(list.bad);
  switch (*ended.exit) {
    case Exit::ok:
      REQUIRE(list.not_invited == 0);
      REQUIRE((!has_invalid || ignore_invalid));
      REQUIRE(ended.end.by == StoppedBy::nothing);
      break;
    case Exit::incomplete:
      REQUIRE((list.bad > 0 || (has_invalid && !ignore_invalid) || ended.end.by == StoppedBy::refused_alike));
      if (ended.end.by == StoppedBy::nothing) REQUIRE(list.due == 0);
      break;
    case Exit::try_later:
    case Exit::api_unavailable:
      REQUIRE(list.due > 0);
      break;
    case Exit::key_refused:
      REQUIRE((ended.end.reason == Reason::key_refused || ended.end.reason == Reason::account_refused));
      break;
    case Exit::bad_config:
      REQUIRE((ended.end.by == StoppedBy::course_refused || ended.end.by == StoppedBy::misconfigured));
      if (ended.end.by == StoppedBy::course_refused) {
        REQUIRE(list.due > 0);
        for (const RefusedTarget& course : ended.end.refused) REQUIRE(world.refused_courses.contains(course.target.id));
      }
      break;
    case Exit::disk:
      REQUIRE(world.network.lost_inside > 0);
      break;
    default:
      FAIL("a run ended with " << static_cast<int>(*ended.exit));
  }
}

bool check_cut_list(World& world, const WorldJob& whole, JobRunSettings settings) {
  settings.brakes.accept_shrunk = false;
  if (!world.addresses_of(whole.name).empty()) return false;  // whom they stand for is not said
  const auto before = world.outcomes(whole.name);
  if (before.empty()) return false;
  std::set<std::string> gone;
  for (const auto& [id, member] : world.members(whole.name))
    if (!member.in_list) gone.insert(id);
  std::int64_t unsettled = 0;
  std::int64_t leaving = 0;
  WorldJob cut = whole;
  cut.rows.resize(static_cast<std::size_t>(world.number(0, static_cast<std::int64_t>(whole.rows.size()) / 4)));
  const auto left = members_of(world, cut);
  for (const auto& [member, outcome] : before) {
    if (gone.contains(member) || (outcome != "pending" && outcome != "failed" && outcome != "in_doubt")) continue;
    ++unsettled;
    if (!left.contains(member)) ++leaving;
  }
  const bool is_refused =
      (cut.rows.empty() && before.size() > gone.size()) || (leaving >= 20 && 2 * leaving > unsettled);
  if (!is_refused) return false;
  const auto sent = world.sent;
  const auto crashes = std::exchange(world.crash_per_step, 0);
  const auto commit_crashes = std::exchange(world.crash_per_commit, 0);
  const auto ended = world.run(cut, settings);
  world.crash_per_step = crashes;
  world.crash_per_commit = commit_crashes;
  REQUIRE(ended.exit == Exit::bad_source);
  REQUIRE(world.sent == sent);
  // (A call that an earlier process left open is settled first, as a doubt.)
  for (const auto& now : world.outcomes(whole.name)) {
    const bool was_withdrawn = before.at(now.first) == "withdrawn";
    REQUIRE_MESSAGE((now.second == "withdrawn") == was_withdrawn, now.first << " is " << now.second);
  }
  return true;
}

void check_own_limits(const World& world) {
  // In the order of their arrival, as the world's clock does what it does.
  for (std::size_t i = 0; i < world.arrivals.size(); ++i) {
    const World::Arrival& call = world.arrivals[i];
    for (const Limit& limit : call.limits) {
      int before = 0;
      for (std::size_t j = i; j-- > 0 && call.arrived - world.arrivals[j].arrived < limit.window;) {
        if (world.arrivals[j].sent < call.sent) ++before;
      }
      REQUIRE_MESSAGE(before < limit.calls,
                      "a call under " << format_limit(limit) << " found " << before << " before it");
    }
  }
}

void check_invariants(World& world, const std::vector<WorldJob>& jobs) {
  Database database = Database::open_to_read(world.ledger());
  for (const WorldJob& job : jobs) {
    const auto id = find_job(database, job.name);
    if (!id) continue;
    REQUIRE_NOTHROW(check_books(database, *id));
    const Books books = books_of(database, *id);
    const auto outcomes = world.outcomes(job.name);
    auto members = static_cast<std::int64_t>(outcomes.size());
    for (const auto& [line, address] : world.addresses_of(job.name)) {
      if (address.outcome != "unknown") ++members;
    }
    REQUIRE(members == books.all_members());
    for (const auto& [id_in_ledger, outcome_in_ledger] : outcomes) {
      const auto& member = id_in_ledger;
      const auto& outcome = outcome_in_ledger;
      if (outcome != "invited" && outcome != "already_invited") continue;
      const MemberRecord* record = world.record(job, member);
      REQUIRE_MESSAGE((record != nullptr && record->invited()),
                      "the ledger says " << outcome << " of " << member << ", the server does not");
    }
    for (const auto& [id_in_ledger, member_in_ledger] : world.members(job.name)) {
      const auto& member = id_in_ledger;
      const auto& seen = member_in_ledger;
      const MemberRecord* record = world.record(job, member);
      if (record == nullptr || static_cast<int>(record->asked) <= seen.attempts || world.is_restored) continue;
      // Every time that the server was asked, the ledger meant to ask.
      REQUIRE_MESSAGE(
          static_cast<int>(record->asked) <= seen.attempts + open_calls_for(database, *id, member),
          "the server was asked " << record->asked << " times for " << member << ", the ledger says " << seen.attempts);
    }
  }
}

void check_verified(World& world, const WorldJob& job) {
  std::map<std::string, std::string> there;  // who takes part, and how, by the key of World::told
  const MemberTable& members = world.sandbox.members();
  std::vector<std::string> courses = job.more_courses;
  courses.push_back(job.course);
  for (std::uint32_t index = 0; index < members.size(); ++index) {
    const MemberRecord& record = members[index];
    const Target& target = members.target(record.target);
    const bool is_ours = std::find(courses.begin(), courses.end(), target.id) != courses.end();
    if (target.kind == TargetKind::course && is_ours && record.invited())
      there[target.id + ' ' + record.id.text()] = name_of(record.participation);
  }
  SQLite::Database database(world.ledger().string());
  SQLite::Statement query(database, R"sql(
    SELECT course_id || ' ' || spot_member_id, outcome, in_list, participant_status FROM outcomes
    WHERE job = ? AND spot_member_id IS NOT NULL
  )sql");
  query.bind(1, job.name);
  std::map<std::string, Seen::Is> expected;
  // Courses are asked for if somebody in the list is of them, who may not be known yet.
  std::set<std::string> read;
  SQLite::Statement courses_read(database, "SELECT DISTINCT course_id FROM outcomes WHERE job = ? AND in_list = 1");
  courses_read.bind(1, job.name);
  while (courses_read.executeStep()) read.insert(courses_read.getColumn(0).getString());
  while (query.executeStep()) {
    const std::string key = query.getColumn(0).getString();
    const std::string outcome = query.getColumn(1).getString();
    const bool is_in_list = query.getColumn(2).getInt() != 0;
    const bool is_invited = outcome == "invited" || outcome == "already_invited";
    const auto found = there.find(key);
    CAPTURE(key);
    CAPTURE(outcome);
    if (found == there.end()) {
      if (is_in_list) expected[key] = is_invited ? Seen::Is::absent : Seen::Is::as_known;
      continue;
    }
    if (is_in_list) {
      REQUIRE(is_invited);
      REQUIRE(query.getColumn(3).getString() == found->second);
    }
    expected[key] = is_invited ? Seen::Is::as_known : Seen::Is::extra;
    there.erase(found);
  }
  for (const auto& [key, status] : there) expected[key] = Seen::Is::extra;
  std::erase_if(expected, [&](const auto& one) { return !read.contains(one.first.substr(0, one.first.rfind(' '))); });
  REQUIRE(world.told.size() == expected.size());
  for (const auto& [key_told, is_told] : world.told) {
    const auto& key = key_told;
    CAPTURE(key);
    REQUIRE(expected.contains(key));
    // (What changed or was settled is, by now, as the ledger says.)
    const bool is_new = is_told == Seen::Is::changed || is_told == Seen::Is::settled;
    REQUIRE(expected.at(key) == (is_new ? Seen::Is::as_known : is_told));
  }
}

}  // namespace convoke
