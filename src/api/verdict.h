// What an answer means for its chunk: one pure function, one table (ledger.md, "outcomes"; api.md, "Not known,
// and so handled").
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/participants.h"
#include "api/settings.h"
#include "api/transport.h"
#include "base/target.h"
#include "ledger/chunk.h"
#include "ledger/paging.h"

namespace convoke {

/// What an answer means beyond its chunk.
enum class Effect {
  none,
  stop,           ///< nothing can succeed until somebody mends it (Verdict::reason says what): stop the run
  refuse_target,  ///< 404, 410: the target's other members need not be asked for now, and stay due
  pause,          ///< 429, and a 503 that says how long: everybody waits
  shrink          ///< 413: calls must be smaller for the rest of the run
};

/// How the API is, as far as one answer tells.
enum class Sign {
  answers,  ///< it answered for the call, one way or the other
  fails,    ///< a transport error, a timeout, 5xx, 408
  refuses   ///< 429: it is there, and does not answer for the call
};

struct Verdict {
  std::vector<Piece> pieces;  ///< disjoint, together the whole chunk
  Effect effect = Effect::none;
  Sign sign = Sign::answers;
  bool accepted = false;         ///< the API took the call: key, target and size are right
  Reason reason = Reason::none;  ///< why the call did not simply succeed; none: it did
  std::string call_error;        ///< the same in words, for the call's row
  std::string alarm;             ///< set: something an operator must know, printable
  std::optional<Page> page;      ///< of a list: what it says of the page that was asked for
};

/// How the API is while this answer comes in, as far as the run knows.
struct ApiHealth {
  bool was_down = false;   ///< before it: the call was a probe
  bool is_down = false;    ///< with it, should it be one more failure
  bool is_silent = false;  ///< it has answered nothing in this run yet
};

/// What decides beside the answer.
struct Judgement {
  RetrySettings retry;
  OnDoubt on_doubt = OnDoubt::ask_again;
  KeepProfile keep_profile = KeepProfile::no;
  /// Whether the API ever accepted a call of this job. Until then an answer that cannot be understood is likely no
  /// answer of the API's: a login page, another server.
  bool ever_accepted = true;
  bool failed_before = false;  ///< the chunk, in an earlier run: whatever is the matter may be its own
  /// The target was there before, and no other answer has said yet that it is not.
  bool is_target_known = false;
  std::optional<Duration> retry_after;          ///< the answer's Retry-After, if it is understood
  TargetKind target_kind = TargetKind::course;  ///< that was asked for, and
  std::string_view target_id;                   ///< its id; empty: a 201 of any will do
  Step step = Step::invite;                     ///< what was asked
  std::span<const std::string> addresses;       ///< look_up, create: those of the chunk, in the order of its ids,
                                                ///< folded to lower case; each once
  bool create_missing = false;                  ///< look_up: of addresses that nobody has, members are made
  std::string_view said_before;                 ///< look_up: the chunk's error, as it stands
  PageAsked page;                               ///< of a list: that was asked for
  LedgerTime now{};
  double chance = 0;  ///< in [0, 1), drawn for this call: how much of the longest wait a retry waits
  ApiHealth health;
};

/// Judges, and the verdict is final. `answer.body` is read in place. In the returned fates `attempts` counts this call,
/// unless it was refused by a 429 or never left.
Verdict judge(Answer& answer, const Chunk& chunk, const Judgement& how);

/// The verdict on a call of an earlier process that was noted and never answered for.
Verdict judge_interrupted(const Chunk& chunk, const Judgement& how);

/// The wait before try `tries` + 1: uniform in [0, min(longest, first * 2^(tries-1))] (full jitter; Brooker,
/// "Exponential Backoff and Jitter", 2015). `chance` is uniform in [0, 1).
Duration back_off(const RetrySettings& retry, int tries, double chance);

}  // namespace convoke
