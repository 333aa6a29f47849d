// Whether the API is there at all, how many calls it bears at once, and how many retries a run may spend. Arithmetic on
// what was seen: no clock of their own, no I/O.
#pragma once

#include <algorithm>
#include <set>

#include "base/ledger_time.h"
#include "ledger/ids.h"

namespace convoke {

/// Notices an API that is down. Down means `streak` failures in a row, of as many different chunks (one bad chunk at
/// the end of a list is not an outage) or before anything was ever answered; or failures for `soon`, before anything
/// was ever answered; or that it says so itself. While down, one
/// call at a time goes out to probe, at growing intervals, and costs its chunk no try; after `patience` without an
/// answer the run gives up. An API that answers 429 to everything is not down, but it is given up on after the same
/// time.
class Health {
 public:
  static constexpr int streak = 10;
  static constexpr Duration soon = std::chrono::seconds(10);

  /// Waits between probes start at `first` and double up to `longest`.
  Health(Duration patience, Duration first, Duration longest) : patience_(patience), first_(first), longest_(longest) {}

  void answered(LedgerTime now) {
    ever_answered_ = true;
    answered_at_ = now;
    failures_ = 0;
    refusals_ = 0;
    failing_.clear();
    down_ = false;
  }

  /// `is_its_own`: it failed when others were answered, and says nothing of the API.
  void failed(ChunkId chunk, bool is_its_own, LedgerTime sent_at, LedgerTime now) {
    if (failures_++ == 0) failing_since_ = std::max(sent_at, answered_at_);
    const bool is_long = !ever_answered_ && !is_its_own && now - failing_since_ >= std::min(soon, patience_);
    if (failing_.size() < streak) failing_.insert(chunk);
    if (down_) {
      interval_ = std::min(interval_ * 2, longest_);
      probe_at_ = now + interval_;
    } else if (is_long || failing_.size() >= streak || failures_ >= (ever_answered_ ? 3 * streak : streak)) {
      down_ = true;
      interval_ = first_;
      probe_at_ = now + interval_;
    }
  }

  /// It said that it is down, and when to ask again; after failed().
  void told_down(LedgerTime until) {
    if (!down_) interval_ = first_;
    down_ = true;
    probe_at_ = until;
  }

  /// A 429.
  void refused(LedgerTime now) {
    if (refusals_++ == 0) refusing_since_ = now;
  }

  bool is_down() const { return down_; }
  /// Down: when the next probe may go.
  LedgerTime probe_at() const { return probe_at_; }
  bool gave_up(LedgerTime now) const {
    return (down_ && now - failing_since_ >= patience_) || (refusals_ > 1 && now - refusing_since_ >= patience_);
  }
  LedgerTime gives_up_at() const { return failing_since_ + patience_; }
  /// Since when it fails; of use while it is down.
  LedgerTime failing_since() const { return failing_since_; }
  /// A chunk that used up its attempts while this holds was failed by the API, not by itself.
  bool is_silent() const { return !ever_answered_; }
  int failures() const { return failures_; }

 private:
  Duration patience_;
  Duration first_;
  Duration longest_;
  bool ever_answered_ = false;
  bool down_ = false;
  int failures_ = 0;
  int refusals_ = 0;
  std::set<ChunkId> failing_;
  LedgerTime answered_at_{};
  LedgerTime failing_since_{};
  LedgerTime refusing_since_{};
  LedgerTime probe_at_{};
  Duration interval_{};
};

/// How many calls may be in flight: all that are allowed, until the API shows strain (a timeout, a 5xx); then half, and
/// one more per round trip (additive increase, multiplicative decrease; Chiu and Jain, 1989). How many *are* in flight
/// follows from the rate: calls wait for slots, not for each other.
class Concurrency {
 public:
  explicit Concurrency(int most) : most_(most), allowed_(most) {}

  int allowed() const { return static_cast<int>(allowed_); }
  void answered() { allowed_ = std::min<double>(most_, allowed_ + 1 / allowed_); }
  /// Calls that were sent before the last halving tell of the same strain: they halve nothing.
  void strained(LedgerTime sent_at, LedgerTime now) {
    if (sent_at < halved_at_) return;
    allowed_ = std::max(1.0, allowed_ / 2);
    halved_at_ = now;
  }

 private:
  double most_;
  double allowed_;
  LedgerTime halved_at_{};
};

/// Retries stay under a tenth of all calls once the first hundred are out, so that an API in trouble is not asked the
/// more for it.
inline bool retry_is_within_budget(std::int64_t calls, std::int64_t retries) {
  return calls < 100 || (retries + 1) * 10 < calls + 1;
}

}  // namespace convoke
