#include "world.h"

#include <fmt/format.h>

#include "sandbox/request_target.h"

namespace convoke {

World::World(std::uint64_t seed, SandboxSettings server, NetworkSettings network_settings)
    : network(network_settings),
      sandbox([&] {
        server.seed = seed;
        return std::move(server);
      }()),
      random_(seed) {}

std::vector<std::string> World::ids(int count) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) {
    MemberId id;
    for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(number(0, 255));
    ids.push_back(id.text());
  }
  return ids;
}

std::vector<std::string> World::addresses(int count) {
  std::vector<std::string> addresses;
  for (int i = 0; i < count; ++i) {
    const std::string_view end = chance(0.1) ? "Ö.Example" : "example.org";
    addresses.push_back(fmt::format("{}.{:x}+a@{}", chance(0.2) ? "Ann" : "ann", number(0, 1 << 20), end));
  }
  return addresses;
}

bool World::refuses(const Request& request) const {
  const auto segments = path_segments(request.target);
  return segments && segments->size() > 2 && refused_courses.contains((*segments)[2]);
}

SandboxReply World::answer(const Request& request) {
  // A course that is not there is one of which the sandbox knows nothing either, and so on.
  Request seen = request;
  if (refuses(request)) seen.target = "/v1/courses//participants~bulkInvite";
  const bool is_failing =
      (down_for > 0 && down_for-- > 0) || (!failing.empty() && request.body.find(failing) != std::string::npos);
  const bool is_bad = std::any_of(bad_courses.begin(), bad_courses.end(), [&](const std::string& course) {
    return request.target.find("/" + course + "/") != std::string::npos;
  });
  if (is_failing || is_bad) seen.body = "{}";
  SandboxReply reply =
      sandbox.handle({seen.method, seen.target, "key", "application/json", seen.body}, clock.elsewhere(), clock.wall());
  if (is_failing) reply.status = 503;
  return reply;
}

std::vector<World::Ended> World::run(const std::vector<WorldJob>& jobs, const JobRunSettings& settings) {
  members_.reset();
  std::vector<std::unique_ptr<Process>> processes;
  std::vector<Ended> ended(jobs.size());
  const auto guarded = [&](std::size_t i, auto&& action) {
    try {
      action();
    } catch (const Killed&) {
      ++crashes;
      processes[i].reset();
    }
  };
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    processes.push_back(std::make_unique<Process>(*this, jobs[i], settings));
    guarded(i, [&] {
      if (processes[i]->start()) return;
      ended[i] = {Exit::try_later, true, {}, {}};
      processes[i].reset();
    });
  }
  const auto all_over = [&] {
    return std::all_of(processes.begin(), processes.end(), [](const auto& process) { return !process; });
  };
  while (!all_over()) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < processes.size(); ++i) {
      if (processes[i]) order.push_back(i);
    }
    std::shuffle(order.begin(), order.end(), random_);
    bool something_done = false;
    for (const std::size_t i : order) {
      guarded(i, [&] {
        if (crash_per_step > 0 && chance(crash_per_step)) throw Killed{};
        something_done = processes[i]->step() || something_done;
      });
      if (!processes[i]) {
        something_done = true;
      } else if (processes[i]->has_ended()) {
        ended[i] = {processes[i]->exit(), false, processes[i]->counts(), processes[i]->end()};
        processes[i].reset();
        something_done = true;
      }
    }
    if (!something_done && !clock.advance()) throw std::runtime_error("deadlock: a process waits for nothing");
  }
  return ended;
}

Instant World::acts_at() {
  const Instant here = clock.elsewhere();
  if (here >= still_until_ && network.standstill > 0 && chance(network.standstill))
    still_until_ = here + Duration(number(0, 58'000'000));
  return std::max(here, still_until_);
}

void World::back_up() {
  SQLite::Database(ledger().string(), SQLite::OPEN_READWRITE).exec("PRAGMA wal_checkpoint(TRUNCATE)");
  std::filesystem::copy_file(ledger(), folder.path() / "backup.db", std::filesystem::copy_options::overwrite_existing);
}

void World::restore() {
  for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(ledger().string() + end);
  std::filesystem::copy_file(folder.path() / "backup.db", ledger(), std::filesystem::copy_options::overwrite_existing);
  members_.reset();
  is_restored = true;
}

// Parsing the views costs more than reading a small ledger: it is read once after each run, for all that ask.
void World::read_members() {
  if (members_) return;
  members_.emplace();
  addresses_.clear();
  SQLite::Database database(ledger().string());
  SQLite::Statement query(database,
                          "SELECT job, spot_member_id, outcome, attempts, in_list, source_line FROM outcomes");
  while (query.executeStep()) {
    const std::string job = query.getColumn(0).getString();
    const Member member{query.getColumn(2).getString(), query.getColumn(3).getInt(), query.getColumn(4).getInt() != 0};
    if (query.getColumn(1).isNull()) {
      addresses_[job].emplace_back(query.getColumn(5).getInt64(), member);
    } else {
      (*members_)[job][query.getColumn(1).getString()] = member;
    }
  }
}

const std::map<std::string, World::Member>& World::members(const std::string& job) {
  read_members();
  return (*members_)[job];
}

const std::vector<std::pair<std::int64_t, World::Member>>& World::addresses_of(const std::string& job) {
  read_members();
  return addresses_[job];
}

std::map<std::string, std::string> World::outcomes(const std::string& job) {
  std::map<std::string, std::string> outcomes;
  for (const auto& [id, member] : members(job)) outcomes.emplace(id, member.outcome);
  return outcomes;
}

const MemberRecord* World::record(const WorldJob& job, const std::string& member) const {
  return sandbox.members().find(job.kind, job.course_of(member), *MemberId::parse(member));
}

JobRunSettings settings_of(int chunk_size) {
  JobRunSettings settings;
  settings.send.invite.chunk_size = chunk_size;
  settings.send.calls.timeout = std::chrono::seconds(10);
  settings.send.limits.calls = {};

  return settings;
}

WorldJob job_of(std::vector<std::string> rows) {
  WorldJob job;
  job.rows = std::move(rows);
  return job;
}

}  // namespace convoke
