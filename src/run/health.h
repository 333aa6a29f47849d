// Whether the API is there at all, how many calls it bears at once, and how many retries a run may spend. Arithmetic on
// what was seen: no clock of their own, no I/O.
#pragma once

#include <set>
#include <string>

#include "api/settings.h"
#include "base/ledger_time.h"
#include "ledger/chunk.h"

namespace convoke {

/// Notices an API that is down. Down means `streak` failures in a row, of as many different chunks (one bad chunk at
/// the end of a list is not an outage) or before anything was ever answered; or failures for `soon`, before anything
/// was ever answered; or that it says so itself. While down, one call at a time goes out to probe, at growing
/// intervals, and costs its chunk no try; after `patience` without an answer the run gives up. An API that answers 429
/// to everything is not down, but it is given up on after the same time.
class Health {
 public:
  static constexpr int streak = 10;
  static constexpr Duration soon = std::chrono::seconds(10);

  /// Waits between probes start at `retry.first` and double up to `retry.longest`.
  explicit Health(const RetrySettings& retry) : retry_(retry) {}

  /// A chunk's turn is here: whether it failed in an earlier run is remembered.
  void claimed(const Chunk& chunk);
  bool failed_before(ChunkId chunk) const { return failed_before_.contains(chunk); }

  void answered(LedgerTime now);
  /// A call for the chunk, sent at `sent_at`, failed; `words` say how. One that failed when others were answered says
  /// nothing of the API.
  void failed(ChunkId chunk, LedgerTime sent_at, LedgerTime now, std::string words);
  /// Whether it is down once this has failed, too.
  bool is_down_with(ChunkId chunk, LedgerTime sent_at, LedgerTime now) const;
  /// It said that it is down, and when to ask again; after failed().
  void told_down(LedgerTime until);
  /// A 429.
  void refused(LedgerTime now, std::string words);

  bool is_down() const { return down_; }
  /// Down: when the next probe may go.
  LedgerTime probe_at() const { return probe_at_; }
  bool gave_up(LedgerTime now) const;
  LedgerTime gives_up_at() const { return failing_since_ + retry_.patience; }
  /// Since when it fails; of use while it is down.
  LedgerTime failing_since() const { return failing_since_; }
  /// It has answered nothing yet.
  bool is_silent() const { return !ever_answered_; }
  /// For people: what was seen of it lately.
  std::string words() const;

 private:
  RetrySettings retry_;
  bool ever_answered_ = false;
  bool down_ = false;
  int failures_ = 0;
  int refusals_ = 0;
  std::set<ChunkId> failing_;
  std::set<ChunkId> failed_before_;
  LedgerTime answered_at_{};
  LedgerTime failing_since_{};
  LedgerTime refusing_since_{};
  LedgerTime probe_at_{};
  Duration interval_{};
  std::string last_failure_;
};

/// How many calls may be in flight: all that are allowed, until the API shows strain (a timeout, a 5xx); then half, and
/// one more per round trip (additive increase, multiplicative decrease; Chiu and Jain, 1989). How many *are* in flight
/// follows from the rate: calls wait for slots, not for each other.
class Concurrency {
 public:
  explicit Concurrency(int most) : most_(most), allowed_(most) {}

  int allowed() const { return static_cast<int>(allowed_); }
  void answered(Duration latency);
  /// Calls that were sent before the last halving tell of the same strain: they halve nothing.
  void strained(LedgerTime sent_at, LedgerTime now, Duration latency);
  /// How many rounds of calls take a tenth of a second, 1 to `most`.
  int rounds_ahead(int most) const;

 private:
  void took(Duration latency) { usual_latency_ += (latency - usual_latency_) / 8; }

  double most_;
  double allowed_;
  LedgerTime halved_at_{};
  Duration usual_latency_{std::chrono::milliseconds(100)};
};

/// Retries stay under a tenth of all calls once the first hundred are out, so that an API in trouble is not asked the
/// more for it.
inline bool retry_is_within_budget(std::int64_t calls, std::int64_t retries) {
  return calls < 100 || (retries + 1) * 10 < calls + 1;
}

}  // namespace convoke
