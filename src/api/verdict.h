// What an answer means for its chunk: one pure function, one table (design.md, "Outcomes"; api.md, "Unknown, so
// handled").
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/participants.h"
#include "api/settings.h"
#include "api/transport.h"
#include "ledger/chunk.h"

namespace convoke {

/// What an answer means beyond its chunk.
enum class Effect {
  none,
  refuse_key,     ///< 401, 403: stop the run; nothing can succeed
  refuse_course,  ///< 404: the course's other members need not be asked for
  pause,          ///< 429: everybody waits
  shrink          ///< 413: calls must be smaller for the rest of the run
};

/// How the API is, as far as one answer tells.
enum class Sign {
  answers,  ///< it answered for the call, one way or the other
  fails     ///< a transport error, a timeout, 5xx, 408
};

struct Verdict {
  std::vector<Piece> pieces;  ///< disjoint, together the whole chunk
  Effect effect = Effect::none;
  Sign sign = Sign::answers;
  bool exhausted = false;  ///< its attempts are used up: the pieces say failed
  std::string alarm;       ///< set: something an operator must know, printable
  std::string call_error;  ///< for the call's row: why it did not simply succeed; empty: it did
};

/// What decides beside the answer.
struct Judgement {
  int attempts = 6;  ///< of a chunk without a definite answer
  OnDoubt on_doubt = OnDoubt::ask_again;
  KeepProfile keep_profile = KeepProfile::no;
  LedgerTime now{};
  /// How long to wait before the next try, after `tries` tries without a definite answer (at least 1).
  std::function<Duration(int tries)> back_off;
};

/// Judges. `answer.body` is read in place. In the returned fates `attempts` counts this call, unless it was refused by
/// a 429.
Verdict judge(Answer& answer, const Chunk& chunk, const Judgement& judgement);

/// The verdict on a call of an earlier process that was noted and never answered for.
Verdict judge_interrupted(const Chunk& chunk, const Judgement& judgement);

/// The wait before try `tries` + 1: uniform in [0, min(longest, first * 2^(tries-1))] (full jitter; Brooker,
/// "Exponential Backoff and Jitter", 2015). `chance` is uniform in [0, 1).
Duration back_off(Duration first, Duration longest, int tries, double chance);

}  // namespace convoke
