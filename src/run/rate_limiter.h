// When one more call may go out, under every limit at once (invariants.md, 5). Arithmetic on time points: no
// clock, no thread, no I/O of its own.
//
// The rule. A limit of N calls in W has N slots. A call takes a slot of every window that the ledger knows before it is
// sent, also of windows that only other processes have a limit of; these hold it back by nothing. The slot is free
// again at r + W, where r is when the call's answer was read; until an answer is read, it is taken until h + W, where h
// is the latest moment at which the server could still count the call.
//
// The proof. Let a call be sent at s, counted by the server at a and answered at r: s <= a <= r, on one clock or on two
// that run at the same pace. The slot's next use is sent at s' >= r + W, so it is counted at a' >= s' >= r + W >= a +
// W. Hence no slot is counted twice in any half-open window of length W, wherever the window starts and whatever the
// latency was; there are N slots, so no window counts more than N. A fixed window is one such window, and a token
// bucket of N that refills N in W refuses only if more than N were counted within some W. If the answer is lost, a <= h
// in place of a <= r gives the same. Every call on the ledger has a slot in every window, so this holds for each
// process's own limits, whatever limits the others have.
//
// The h of a call. It is sent at the latest one timeout after it was claimed, and given up at the latest one timeout
// after that. What was given up may wait in the buffers of a server, or of what stands before it, that stands still
// (a pause of its collector, a frozen machine), and be counted when that goes on; and our own system goes on delivering
// what it holds for a closed connection. No client can bound that. We grant the longer of a minute and one more
// timeout: a service that stands still for longer is taken out by what balances its load, as a rule, and its
// connections with it. It is a lost answer's price and nobody else's: one slot of N is out of use for that minute.
//
// Pacing spreads a start from rest: by the shortest window, if that is at most a minute, calls are at least 3/4 of W/N
// apart, with a tenth of the window as slack (GCRA, ITU-T I.371). In the steady state a slot comes round every W +
// latency, which is slower than the pace, so pacing costs nothing once the first window is over.
#pragma once

#include <optional>
#include <vector>

#include "base/ledger_time.h"
#include "base/limit.h"
#include "ledger/slot_book.h"
#include "run/settings.h"

namespace convoke {

/// A slot that a call holds.
struct TakenSlot {
  Duration window{};
  int number = 0;
};
/// All that a call holds: one of each window that was known when it was claimed.
using TakenSlots = std::vector<TakenSlot>;

/// How long after it was claimed a call without an answer may still be counted (h, above).
Duration unanswered(Duration call_timeout);

/// Leave to call, or when to ask again.
struct Admission {
  std::optional<TakenSlots> slots;  ///< set: go
  LedgerTime until{};               ///< else: not before
  std::optional<Limit> held_by;     ///< the limit that says so; empty: pacing, a pause, or the API's own word
  bool is_unknown = false;          ///< of that limit it is not known what is used (Pace::unknown_until)
};

/// How much of one limit is used.
struct LimitUse {
  Limit limit;             ///< as configured
  int taken = 0;           ///< calls counted now
  int left = 0;            ///< of calls less reserve
  Duration unknown_for{};  ///< not zero: for so long others may be counted that are not known here, and none is left
};

class RateLimiter {
 public:
  /// `book` must outlive this. No limits: every call is admitted, but pauses hold.
  RateLimiter(const LimitSettings& settings, SlotBook& book);

  /// Takes the slots of one call that is sent at `now` or later; `latest`: the latest moment at which the server could
  /// count it if no answer is ever read.
  Admission take(LedgerTime now, LedgerTime latest);

  /// The answer of the call that took these slots, with this `latest`, was read at `read_at`; it is `now`.
  void answered(const TakenSlots& slots, LedgerTime latest, LedgerTime read_at, LedgerTime now);

  /// The call that took these slots, with this `latest`, was never sent.
  void give_back(const TakenSlots& slots, LedgerTime latest, LedgerTime now);

  /// A 429: nobody on this ledger calls for max(`retry_after`, the shortest window, 1 s). Returns the end of the pause.
  LedgerTime pause(LedgerTime now, Duration retry_after);

  /// An API that is down said when to ask again: nobody on this ledger calls for `duration`. Returns the end of it.
  LedgerTime wait(LedgerTime now, Duration duration);

  /// The API said that `left` calls are left for `reset`. Only ever lowers what is allowed.
  void advise(LedgerTime now, int left, Duration reset);

  /// How many calls are counted now, of each limit.
  std::vector<LimitUse> use(LedgerTime now);

  /// The calls of the limit with this number, less what is reserved for others.
  int usable(std::size_t limit) const;

  /// The windows of the limits.
  std::vector<Duration> windows() const;

  /// How many calls the largest limit allows; empty without limits.
  std::optional<int> largest_limit() const;

  /// The shortest window; zero without limits.
  Duration shortest_window() const;

 private:
  std::vector<Limit> limits_;
  std::size_t shortest_ = 0;
  std::size_t longest_ = 0;
  int reserve_ = 0;
  SlotBook& book_;
};

}  // namespace convoke
