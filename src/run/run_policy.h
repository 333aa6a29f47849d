// What a run does next: what it may claim, until when it waits, and why it stops. Decides by what it is told of calls
// and of the time; knows no clock, no ledger and no network.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "run/call.h"
#include "run/health.h"
#include "run/refusals.h"
#include "run/run_end.h"
#include "run/seat.h"
#include "run/settings.h"

namespace convoke {

/// Now: by the clock that decides, and for people.
struct Moment {
  LedgerTime at{};
  WallTime wall{};
};

/// What to do next.
struct Next {
  enum class What {
    claim,  ///< what `terms` allow
    wait,   ///< for an answer, or until `until` (LedgerTime::max(): for an answer alone)
    end     ///< nothing more, but for what is in flight
  };
  What what = What::end;
  ClaimTerms terms{};
  LedgerTime until = LedgerTime::max();
};

/// What of the calls that are claimed and not out yet is to be put back.
enum class PutBack { nothing, of_the_target, everything };

/// How a run stands; for a progress line.
struct Progress {
  RunCounts counts;
  int in_flight = 0;
  std::int64_t due_at_start = 0;
  Duration elapsed{};  ///< since it began to send
};

/// What an operator is to be told while a run goes on.
class Remarks {
 public:
  void say(std::string text) { texts_.push_back(std::move(text)); }
  /// Not again about the same.
  void say_once(const std::string& about, std::string text) {
    if (said_.insert(about).second) say(std::move(text));
  }
  std::vector<std::string> take() { return std::exchange(texts_, {}); }

 private:
  std::vector<std::string> texts_;
  std::set<std::string> said_;
};

class RunPolicy {
 public:
  /// `began` is when max_duration began to count.
  RunPolicy(SendSettings settings, std::uint64_t seed, LedgerTime began);

  /// Before the first claim: `due` members are pending; `counts` has those whom an earlier run left in doubt and this
  /// one has settled already. `ever_accepted`: the API has accepted a call of this job in an earlier run.
  void begin(const RunCounts& counts, std::int64_t due, bool ever_accepted);

  Next next(const Moment& now);
  /// A claim came to this, and its calls have their seats.
  Next claimed(const Claims& claims, const Moment& now);

  /// A seat for a call that was claimed.
  Seat seat(const Claimed& call);
  /// Whether one more of those that are ready may go out.
  bool may_send() const;
  /// Whether what was claimed meanwhile is to be put back: a 429, an outage or a stop is being recorded.
  bool is_halted() const { return halts_ > 0; }

  /// How to judge what came back, now, of a call that was sent at `sent_at`.
  Judgement judgement(const Claimed& call, LedgerTime sent_at, LedgerTime now);
  /// The same for calls that earlier processes left open.
  Judgement judgement(LedgerTime now);

  /// A call was answered for, and is about to be recorded.
  PutBack answered(const Claimed& call, const CallReport& report, const Moment& now);
  /// It is recorded.
  void recorded(const Claimed& call, const CallReport& report, const Recorded& recorded);
  /// What answered() said was to be put back is.
  void goes_on(PutBack after);

  /// Claims no more. The first reason stays.
  void stop(RunEnd why);
  /// Whether so many came to an outcome as max_members asks: if others are due, that is why the run stops.
  bool is_canary_done() const;
  void others_are_due();
  /// Why those whom this run saw rejected were not to blame (none: for whatever reason); empty: they were.
  std::optional<Reason> forgives() const;
  /// The end, once all that was in flight has come back. `refused`: targets with members that stay due.
  RunEnd end(std::vector<RefusedTarget> refused) const;

  Progress progress() const { return {counts_.committed, in_flight_->calls, extent_.due_at_start, {}}; }
  Remarks& remarks() { return remarks_; }

 private:
  // How far the run is to go.
  struct Extent {
    std::optional<LedgerTime> ends_at;
    std::int64_t due_at_start = 0;
    std::int64_t handled_before = 0;  // by this run, before it sent anything
  };
  struct Counts {
    RunCounts committed;
    RunCounts answered;
  };
  // What is not known to be right goes out alone.
  struct Trial {
    int largest_chunk = 0;
    bool is_size_on_trial = false;  // a call was too large, and none was accepted since
    bool is_accepted = false;       // the API has accepted a call of this job, in this run or an earlier one
  };

  int most_in_flight() const;
  int room(LedgerTime now) const;
  std::int64_t handled() const { return counts_.committed.handled() - extent_.handled_before; }
  std::int64_t members_allowed() const;
  ClaimTerms terms(LedgerTime now) const;
  LedgerTime wake_up_time(const Claims& claims, LedgerTime now);
  void stop_if_hopeless(const Claims& claims, const Moment& now);
  void stop_if_too_many_fail();
  void look_at_health(const Claimed& call, const CallReport& report, const Moment& now);
  void wait_as_told(const CallReport& report, const Moment& now);
  void shrink(std::size_t too_large);

  SendSettings settings_;
  std::mt19937_64 random_;
  std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
  Health health_;
  Concurrency concurrency_;
  Refusals refusals_;
  Extent extent_;
  Trial trial_;
  Counts counts_;
  std::optional<RunEnd> stop_;
  int halts_ = 0;  // answers being recorded after which nothing may go out for now
  Remarks remarks_;
};

}  // namespace convoke
