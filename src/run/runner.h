// The run: keeps calls going out as fast as limits, connections and the API's health allow, writes down what comes
// back, and stops when nothing is due or something says so. What was sent is waited for: stopping means "claim no
// more", never "drop the call".
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "api/transport.h"
#include "run/health.h"
#include "run/run_ledger.h"
#include "run/settings.h"
#include "run/sleep.h"

namespace convoke {

/// Why a run stopped before all was settled.
enum class StoppedBy {
  nothing,  ///< all that was due is settled
  signal,
  max_duration,
  max_members,
  quota,         ///< a limit that is free again too late to wait for
  rate_limited,  ///< a 429's Retry-After, likewise
  api_unavailable,
  retry_budget,  ///< only retries are left, and the run has spent its share of them
  key_refused,
  account_refused,
  misconfigured,   ///< what only a change of config mends (RunEnd::reason)
  course_refused,  ///< all else is settled, and members of courses that the API refuses are due
  max_failures,
  refused_alike  ///< every call was refused with the same words: it is not the members
};
/// The word in the ledger and in --json; empty for `nothing`.
std::string_view name_of(StoppedBy reason);

struct RunnerSettings {
  InviteSettings invite;
  RetrySettings retry;
  std::optional<MaxFailures> max_failures;
  KeepProfile keep_profile = KeepProfile::no;
  int connections = 8;
  Duration call_timeout = std::chrono::seconds(30);  ///< of one call; a claim older than that is not sent any more
  bool limited = true;                               ///< whether there are any limits of calls
  std::optional<std::int64_t> max_members;           ///< settle so many, then stop
  std::optional<Duration> max_duration;
};

struct RunEnd {
  StoppedBy by = StoppedBy::nothing;
  std::string message;                   ///< for people; empty for `nothing`
  std::optional<WallTime> next_call;     ///< quota, rate_limited: when a call may go again
  Reason reason = Reason::none;          ///< of the answer that stopped it
  std::vector<RefusedCourse> refused{};  ///< whatever stopped it
};

/// How a run stands; for a progress line.
struct Progress {
  RunCounts counts;
  int in_flight = 0;
  std::int64_t due_at_start = 0;
};

class Runner {
 public:
  /// `due` is how many members are pending; `ever_invited` whether the job ever had a member invited. `warn` gets what
  /// an operator should know while the run goes on. All references must outlive the run.
  Runner(RunnerSettings settings, RunLedger& ledger, Transport& transport, const Clock& clock, Alarms& alarms,
         boost::asio::any_io_executor loop, std::uint64_t seed, std::function<void(const std::string&)> warn);

  /// Runs to the end. Throws Error if the ledger fails; every call in flight has ended by then.
  boost::asio::awaitable<RunEnd> run(std::int64_t due, bool ever_invited);

  /// Claims no more; calls in flight finish. The first reason stays. Loop thread only.
  void stop(StoppedBy by, std::string message, Reason reason = Reason::none);

  Progress progress() const { return {counts_, in_flight_, due_at_start_}; }
  Judgement judgement();

 private:
  boost::asio::awaitable<void> claim_and_send();
  boost::asio::awaitable<void> send(Claimed call);
  boost::asio::awaitable<void> send_and_record(Claimed& call, bool& is_sending);
  boost::asio::awaitable<void> finish();
  boost::asio::awaitable<void> put_back(std::vector<Claimed> calls);
  std::vector<Claimed> take_ready();
  std::vector<Claimed> take_ready(std::int64_t course_no);  ///< those of one course
  Report report_of(const Claimed& call, Answer& answer, LedgerTime sent_at);
  std::string unavailable() const;
  int most_in_flight() const;
  void forget(const Claimed& call);
  void send_ready();
  int room() const;
  std::int64_t members_allowed() const;
  ClaimTerms terms() const;
  Instant wake_up_time(const Claims& claims);
  void stop_if_hopeless(const Claims& claims);
  boost::asio::awaitable<void> end_canary();
  void wait_as_told(Report& report);
  void weigh(const Claimed& call, Report& report);
  void say_health(bool was_down, LedgerTime failing_since, LedgerTime now);
  void note_recorded(const Claimed& call, const Report& report, const Recorded& recorded);
  void watch(const Claimed& call, const Verdict& verdict);
  void watch_refusal(const Claimed& call, const Verdict& verdict);
  void watch_strange(const Verdict& verdict);
  void ask_once_more(const Claimed& call, Verdict& verdict, LedgerTime now);
  Instant instant(LedgerTime time) const;

  RunnerSettings settings_;
  RunLedger& ledger_;
  Transport& transport_;
  const Clock& clock_;
  boost::asio::any_io_executor loop_;
  std::mt19937_64 random_;
  std::function<void(const std::string&)> warn_;
  Sleep sleep_;

  Health health_;
  Concurrency concurrency_;
  std::deque<Claimed> ready_;  // claimed, on disk, waiting for a connection
  int sending_ = 0;
  int halts_ = 0;  // answers being recorded after which nothing may go out for now
  Duration usual_latency_{std::chrono::milliseconds(100)};
  std::string last_failure_;
  int in_flight_ = 0;  // claimed and not yet recorded
  std::int64_t members_in_flight_ = 0;
  int largest_chunk_;
  RunCounts counts_;  // as committed
  RunCounts seen_;    // as answered
  std::int64_t due_at_start_ = 0;
  std::int64_t handled_before_ = 0;  // by this run, before it sent anything: what an earlier one left in doubt
  bool is_accepted_ = false;         // the API has accepted a call of this job, in this run or an earlier one
  bool is_accepted_in_run_ = false;  // in this run
  std::set<ChunkId> failed_before_;  // chunks claimed that failed in an earlier run
  bool is_size_on_trial_ = false;    // a call was too large, and none was accepted since
  std::optional<Instant> ends_at_;
  std::optional<RunEnd> stop_;
  std::exception_ptr failure_;
  // Single members refused with the same words.
  struct Alike {
    std::string words;  // without ids
    int in_a_row = 0;
    int at_end = 0;  // of them, those from the end of the list
    void add(std::string refusal, bool is_at_end);
  };
  Alike alike_;                                     // of the run, until it is accepted
  std::map<std::int64_t, LedgerTime> missed_once_;  // courses accepted before, and when they were not there
  std::set<std::string> refused_courses_said_;
  int too_large_alone_ = 0;   // calls of one member that were too large, since the last that was accepted
  int strange_in_a_row_ = 0;  // pages, and answers that cannot be understood, since the last that was accepted
  bool foreign_use_said_ = false;
};

}  // namespace convoke
