#include "world.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <boost/asio/co_spawn.hpp>

#include "sandbox/target.h"

namespace convoke {
namespace {

MadeRows rows_of(const WorldJob& job) {
  if (job.make) return MadeRows(job.make);
  std::vector<MadeRow> rows;
  for (const std::string& text : job.rows) rows.push_back({rows.size() + 2, text, job.course_of(text)});
  return MadeRows(std::move(rows));
}

std::string fingerprint_of(const WorldJob& job) {
  std::string all = fmt::format("{} {}", job.course, fmt::join(job.more_courses, " "));
  for (const std::string& row : job.rows) all += "\n" + row;
  return all;
}

// Calls that were noted and not answered for yet: they count as attempts when the next run finds them.
int open_calls_for(Database& database, JobId job, const std::string& member) {
  return Statement(database, R"sql(
    SELECT count(*) FROM call JOIN run USING (run_id) WHERE open = 1 AND job_id = ?1
    AND (instr(ids, ?2) > 0
         OR (ids IS NULL AND chunk_id IN (SELECT chunk_id FROM chunk WHERE instr(chunk.ids, ?2) > 0)))
  )sql")
      .the<int>(job, *MemberId::parse(member));
}

}  // namespace

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

boost::asio::awaitable<Answer> WorldTransport::send(Request request) {
  struct Exchange {
    Exchange(const boost::asio::any_io_executor& loop, Alarms& alarms) : sleep(loop, alarms) {}
    Sleep sleep;
    Answer answer;
    bool done = false;
  };
  const auto exchange = std::make_shared<Exchange>(loop_, world_.clock);
  VirtualClock& clock = world_.clock;
  const NetworkSettings& network = world_.network;
  const Instant deadline = clock.now() + timeout_;
  const auto way = [this] { return Duration(world_.number(0, world_.network.slowest.count())); };

  if (world_.chance(network.refused)) {
    co_await exchange->sleep.until(clock.now() + way());
    exchange->answer.error = "connect: refused";
    exchange->answer.reason = Reason::not_connected;
    co_return exchange->answer;
  }
  for (std::size_t at = request.body.find('['); at + 38 < request.body.size() && request.body[at + 1] == '"';
       at += 39) {
    ++world_.sent[request.body.substr(at + 2, MemberId::text_size)];
  }
  if (world_.on_send) world_.on_send(request);
  exchange->answer.reached = Answer::Reached::maybe;
  exchange->answer.error = "no answer within the timeout";
  exchange->answer.reason = Reason::timed_out;
  const bool lost = world_.chance(network.lost_request);
  const bool late = world_.chance(network.late_request);
  const bool answer_lost = world_.chance(network.lost_answer);
  const Duration latest = std::max<Duration>(timeout_, std::chrono::minutes(1));
  const Instant arrives = late ? deadline + Duration(world_.number(0, latest.count() * 9 / 10)) : clock.now() + way();
  World& world = world_;
  if (!lost) {
    const World::Arrival arrival{clock.elsewhere(), {}, world.keeps_arrivals ? limits_.calls : std::vector<Limit>{}};
    const auto act = [&world, arrival, request, answer_lost, back = way(), waiting = std::weak_ptr(exchange)] {
      if (world.keeps_arrivals) {
        world.arrivals.push_back(arrival);
        world.arrivals.back().arrived = world.clock.elsewhere();
      }
      const SandboxReply reply = world.answer(request);
      if (answer_lost || reply.delivery == Delivery::stall) return;
      world.clock.at(world.clock.now() + reply.delay + back, [&world, reply, waiting] {
        const auto waited_for = waiting.lock();
        if (!waited_for || waited_for->done) return;
        waited_for->done = true;
        if (reply.delivery == Delivery::whole) {
          waited_for->answer.reached = Answer::Reached::answered;
          waited_for->answer.status = reply.status;
          waited_for->answer.body = reply.body;
          waited_for->answer.error.clear();
          waited_for->answer.reason = Reason::none;
          if (reply.status == 503 && world.retry_after)
            waited_for->answer.retry_after = std::to_string(world.retry_after->count());
          if (reply.retry_after) waited_for->answer.retry_after = std::to_string(reply.retry_after->count());
        } else {
          waited_for->answer.error = "wait for the answer: the connection was closed";
          waited_for->answer.reason = Reason::connection_lost;
        }
        waited_for->sleep.wake();
      });
    };
    // What was sent arrives whatever becomes of the process that sent it.
    clock.at(arrives, [&world, act, late] {
      const Duration wait = late ? Duration::zero() : world.acts_at() - world.clock.elsewhere();
      wait == Duration::zero() ? act() : world.clock.at(world.clock.now() + wait, act);
    });
  }
  while (!exchange->done && clock.now() < deadline) co_await exchange->sleep.until(deadline);
  if (world_.chance(network.lost_inside))
    throw LostInside{std::make_exception_ptr(Error(Exit::disk, "no memory for the answer"))};
  if (world_.on_answer) world_.on_answer(exchange->answer);
  co_return exchange->answer;
}

Process::Process(World& world, const WorldJob& job, JobRunSettings settings)
    : world_(world),
      job_(job),
      settings_(std::move(settings)),
      source_(rows_of(job)),
      list_(source_, std::nullopt, stop_.get_token()) {
  if (job_.limits) settings_.send.limits = *job_.limits;
  settings_.base_url = settings_.url = "http://world";
  settings_.fingerprint = job_.make ? job_.fingerprint : fingerprint_of(job_);
}

Process::~Process() = default;

void Process::arm_killer() {
  sqlite3_commit_hook(
      database_->handle().getHandle(),
      [](void* self) {
        auto* process = static_cast<Process*>(self);
        const World& world = process->world_;
        const bool kill = world.crash_per_commit > 0 && process->world_.chance(world.crash_per_commit);
        process->was_killed_in_commit_ = process->was_killed_in_commit_ || kill;
        return process->was_killed_in_commit_ ? 1 : 0;  // and of what it would do after that
      },
      this);
}

// What the program would end with, the process ends with; but a commit that was killed is a kill.
void Process::guard(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    if (was_killed_in_commit_) throw Killed{};
    if (error.exit() == Exit::defect) throw;
    finished_ = Finished{{}, error.exit(), {}};
  }
}

bool Process::start() {
  bool is_busy = false;
  guard([&] {
    database_.emplace(Database::open(world_.ledger(), Durability::process));
    const JobId id = job_id(*database_, job_.name);
    auto lock = JobLock::take(database_->file(), id);
    is_busy = !lock;
    if (is_busy) return;
    lock_.emplace(std::move(*lock));
    arm_killer();
    transport_.emplace(world_, loop_.get_executor(), settings_.send.calls.timeout, settings_.send.limits);
    const Outside outside{*transport_,
                          world_.clock,
                          world_.clock,
                          loop_.get_executor(),
                          loop_.get_executor(),
                          static_cast<std::uint64_t>(world_.number(0, 1'000'000'000)),
                          [this](const std::string& text) { world_.warnings.push_back(text); },
                          stop_.get_token(),
                          [] {
                            return RunEnd{StoppedBy::signal, "terminated"};
                          }};
    run_.emplace(*database_, id, list_, settings_, outside);
  });
  if (is_busy) return false;
  if (finished_) return true;
  if (world_.stop_per_run > 0 && world_.chance(world_.stop_per_run)) {
    const Instant when = world_.clock.now() + Duration(world_.number(0, 20'000'000));
    world_.clock.at(when, [stop = stop_]() mutable { stop.request_stop(); });
  }
  auto on_end = [this](std::exception_ptr error, Finished finished) {
    failure_ = error;
    finished_ = std::move(finished);
  };
  boost::asio::co_spawn(loop_, run_->run(), std::move(on_end));
  return true;
}

bool Process::step() {
  if (finished_) return false;
  loop_.restart();
  if (loop_.poll_one() == 0) return false;
  guard([&] {
    if (failure_) std::rethrow_exception(failure_);
  });
  return true;
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
const std::map<std::string, World::Member>& World::members(const std::string& job) {
  if (!members_) {
    members_.emplace();
    SQLite::Database database(ledger().string());
    SQLite::Statement query(database, "SELECT job, spot_member_id, outcome, attempts, in_list FROM outcomes");
    while (query.executeStep()) {
      (*members_)[query.getColumn(0).getString()][query.getColumn(1).getString()] = {
          query.getColumn(2).getString(), query.getColumn(3).getInt(), query.getColumn(4).getInt() != 0};
    }
  }
  return (*members_)[job];
}

std::map<std::string, std::string> World::outcomes(const std::string& job) {
  std::map<std::string, std::string> outcomes;
  for (const auto& [id, member] : members(job)) outcomes.emplace(id, member.outcome);
  return outcomes;
}

const MemberRecord* World::record(const std::string& course, const std::string& member) const {
  return sandbox.members().find(course, *MemberId::parse(member));
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

void check_invariants(World& world, const std::vector<WorldJob>& jobs) {
  Database database = Database::open_to_read(world.ledger());
  for (const WorldJob& job : jobs) {
    const auto id = find_job(database, job.name);
    if (!id) continue;
    REQUIRE_NOTHROW(check_books(database, *id));
    const Books books = books_of(database, *id);
    const auto outcomes = world.outcomes(job.name);
    REQUIRE(static_cast<std::int64_t>(outcomes.size()) == books.all_members());
    for (const auto& [id_in_ledger, outcome_in_ledger] : outcomes) {
      const auto& member = id_in_ledger;
      const auto& outcome = outcome_in_ledger;
      if (outcome != "invited" && outcome != "already_invited") continue;
      const MemberRecord* record = world.record(job.course_of(member), member);
      REQUIRE_MESSAGE((record != nullptr && record->invited),
                      "the ledger says " << outcome << " of " << member << ", the server does not");
    }
    for (const auto& [id_in_ledger, member_in_ledger] : world.members(job.name)) {
      const auto& member = id_in_ledger;
      const auto& seen = member_in_ledger;
      const MemberRecord* record = world.record(job.course_of(member), member);
      if (record == nullptr || static_cast<int>(record->asked) <= seen.attempts || world.is_restored) continue;
      // Every time that the server was asked, the ledger meant to ask.
      REQUIRE_MESSAGE(
          static_cast<int>(record->asked) <= seen.attempts + open_calls_for(database, *id, member),
          "the server was asked " << record->asked << " times for " << member << ", the ledger says " << seen.attempts);
    }
  }
}

}  // namespace convoke
