// A little world for the whole program: the real intake, ledger, rate limiter, runner and verdicts, in processes that
// live side by side and crash, over a network that delays, loses and reorders, before the sandbox's handler as the
// server; all in virtual time, all from one seed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "../made_rows.h"
#include "../temp_folder.h"
#include "ledger/books.h"
#include "ledger/job_lock.h"
#include "ledger/jobs.h"
#include "run/job_run.h"
#include "run/verify_run.h"
#include "sandbox/sandbox.h"
#include "virtual_clock.h"

namespace convoke {

/// What goes wrong on the way, as shares of all calls.
struct NetworkSettings {
  Duration slowest = std::chrono::milliseconds(80);  ///< each way takes up to this
  double refused = 0;                                ///< no connection: not sent
  double lost_request = 0;                           ///< sent, and never arrives
  double late_request = 0;                           ///< sent, and arrives only after the client has given up
  double lost_answer = 0;                            ///< acted upon, and the answer never arrives
  double standstill = 0;   ///< the server stands still, for up to a minute, from this call on; then it acts on all that
                           ///< waited in its buffers
  double lost_inside = 0;  ///< sent, and then this process has no memory for the answer
};

struct WorldJob {
  std::string name = "list";
  TargetKind kind = TargetKind::course;
  std::string course = "course";
  std::vector<std::string> more_courses = {};  ///< members are shared out among all of them by their ids
  std::optional<LimitSettings> limits = {};    ///< of this process alone, in place of all processes'
  std::vector<std::string> rows;  ///< what the member column holds, or that of addresses (with an @), line by line,
                                  ///< from 2 on; or, for a list too long for that,
  MadeRows::Make make = {};       ///< what makes its rows, and
  std::string fingerprint = {};   ///< what stands for its content
  bool verifies = false;          ///< `convoke verify` of it, not `run`

  const std::string& course_of(const std::string& row) const {
    if (more_courses.empty()) return course;
    const std::size_t place = std::hash<std::string>{}(row) % (more_courses.size() + 1);
    return place == 0 ? course : more_courses[place - 1];
  }
};

class World;

/// The wire of one process: answers come through the world, and are let go of when the process is gone.
class WorldTransport final : public Transport {
 public:
  WorldTransport(World& world, boost::asio::any_io_executor loop, Duration timeout, LimitSettings limits)
      : world_(world), loop_(std::move(loop)), timeout_(timeout), limits_(std::move(limits)) {}
  boost::asio::awaitable<Answer> send(Request request) override;

 private:
  World& world_;
  boost::asio::any_io_executor loop_;
  Duration timeout_;
  LimitSettings limits_;
};

/// Thrown out of the middle of whatever a process does: it is killed there.
struct Killed {};

/// One process with one job.
class Process {
 public:
  Process(World& world, const WorldJob& job, JobRunSettings settings);
  ~Process();

  /// Starts; false: another process runs the job. Throws Killed.
  bool start();
  /// Does one thing that is ready; false: nothing is. Throws Killed, and Error as the program would.
  bool step();
  bool has_ended() const { return finished_.has_value(); }
  Exit exit() const { return finished_->exit; }
  const RunEnd& end() const { return finished_->end; }
  RunCounts counts() { return run_ ? run_->counts() : verify_ ? verify_->counts() : RunCounts{}; }
  const WorldJob& job() const { return job_; }

 private:
  void arm_killer();
  void guard(const std::function<void()>& action);
  void begin(const Outside& outside, JobId id);

  World& world_;
  WorldJob job_;
  JobRunSettings settings_;
  boost::asio::io_context loop_{1};
  std::optional<Database> database_;
  std::optional<JobLock> lock_;
  std::optional<WorldTransport> transport_;
  std::stop_source stop_;
  MadeRows source_;
  MemberList list_;
  std::optional<JobRun> run_;
  std::optional<VerifyRun> verify_;
  std::optional<Finished> finished_;
  std::exception_ptr failure_;
  bool was_killed_in_commit_ = false;
};

class World {
 public:
  World(std::uint64_t seed, SandboxSettings server, NetworkSettings network = {});

  std::mt19937_64& random() { return random_; }
  bool chance(double share) { return std::uniform_real_distribution<double>(0, 1)(random_) < share; }
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }

  /// Ids as a real list has them, from the seed; and addresses.
  std::vector<std::string> ids(int count);
  std::vector<std::string> addresses(int count);

  /// Runs these jobs side by side, each in its process, until all have ended or crashed.
  struct Ended {
    std::optional<Exit> exit;  ///< empty: crashed
    bool was_busy = false;
    RunCounts counts;
    RunEnd end;  ///< as the run had it; empty if it could not begin
  };
  std::vector<Ended> run(const std::vector<WorldJob>& jobs, const JobRunSettings& settings);
  Ended run(const WorldJob& job, const JobRunSettings& settings) { return run(std::vector{job}, settings).front(); }

  /// A job's members by their ids, from the view that users read.
  struct Member {
    std::string outcome;
    int attempts = 0;
    bool in_list = true;
  };
  const std::map<std::string, Member>& members(const std::string& job);
  /// A job's addresses of which the ledger does not say who has them, by their lines; and those that left the list,
  /// under no line of it any more.
  const std::vector<std::pair<std::int64_t, Member>>& addresses_of(const std::string& job);
  std::map<std::string, std::string> outcomes(const std::string& job);
  bool refuses(const Request& request) const;
  /// What the sandbox answers, or what these settings make of it.
  SandboxReply answer(const Request& request);
  /// When the server gets to what arrives now.
  Instant acts_at();
  /// Between runs: the ledger's file as it is now; and it is put back as it was then.
  void back_up();
  void restore();
  /// How often the server was asked for a member, and whether it has invited it.
  const MemberRecord* record(const WorldJob& job, const std::string& member) const;

  VirtualClock clock;
  NetworkSettings network;
  double crash_per_step = 0;              ///< the chance that a process is killed before any one thing that it does
  std::set<std::string> refused_courses;  ///< the server answers 404 for them, whatever it knows
  std::set<std::string> bad_courses;      ///< the server answers 400 for them
  int down_for = 0;                       ///< the server answers so many more requests with 503
  std::string failing;                    ///< the server answers 503 to calls for this member
  std::optional<std::chrono::seconds> retry_after;  ///< what each 503 says
  std::function<void(const Request&)> on_send;      ///< told of each request that goes out
  std::function<void(const Answer&)> on_answer;     ///< told of each answer, when it is read
  double stop_per_run = 0;      ///< the chance that a process is asked to stop (SIGTERM), some time in its run
  double crash_per_commit = 0;  ///< the chance that it is killed in a commit: nothing of it is kept
  int crashes = 0;
  bool is_restored = false;  ///< the ledger: it has forgotten what it knew

  /// A request that the server acted on, by the time elsewhere, and the limits of the process that sent it.
  struct Arrival {
    Instant sent;
    Instant arrived;
    std::vector<Limit> limits;
  };
  std::vector<Arrival> arrivals;  ///< kept if somebody has limits of his own
  bool keeps_arrivals = false;
  /// How often a request that names a member was sent, whenever it arrives; by its target, a blank, and the member.
  std::map<std::string, std::uint32_t> sent;
  std::vector<std::string> warnings;
  std::map<std::string, Seen::Is> told;  ///< what the latest verification told, by course, a blank, and the member
  TempFolder folder;
  std::filesystem::path ledger() const { return folder.path() / "ledger.db"; }
  Sandbox sandbox;

 private:
  std::mt19937_64 random_;
  void read_members();

  // As read since the last run.
  std::optional<std::map<std::string, std::map<std::string, Member>>> members_;
  std::map<std::string, std::vector<std::pair<std::int64_t, Member>>> addresses_;
  Instant still_until_{};  // by the time elsewhere
};

/// Each process's own limits hold over the calls of all: of those sent before one of its calls, so many fewer arrived
/// within the window before it.
void check_own_limits(const World& world);

/// A job without limits, and a list of one course.
JobRunSettings settings_of(int chunk_size);
WorldJob job_of(std::vector<std::string> rows);

/// The invariants (invariants.md) that hold at any moment when no process runs: the books balance, and what the ledger
/// calls invited the server has invited. Fails the test with the seed's number.
void check_invariants(World& world, const std::vector<WorldJob>& jobs);

}  // namespace convoke
