// A call on its way through a run: claimed from the ledger, answered for, recorded. Values only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/rate_headers.h"
#include "api/verdict.h"
#include "ledger/chunks.h"
#include "ledger/run_log.h"
#include "run/rate_limiter.h"

namespace convoke {

/// A call that may go out now: its chunk, its intent and its slots.
struct Claimed {
  Chunk chunk;
  Target target;
  std::vector<std::string> addresses;  ///< those of the chunk, unless its members are known
  std::string said_before;             ///< what the API said of them when no member was made of them
  PageAsked page;                      ///< of a list
  CallId call = 0;
  TakenSlots slots;
  LedgerTime claimed_at{};
  Pick pick = Pick::asked_before_first;
  bool is_target_accepted = false;  ///< the API has accepted a call for the target before
};

struct ClaimTerms {
  int most_calls = 0;
  std::int64_t most_members = 0;
  bool is_canary = false;  ///< most_members counts those, too, that the run has asked for and are due again
  int largest_chunk = 0;
  Pick pick = Pick::asked_before_first;
};

/// Why a claim brought no more calls.
enum class NoMore {
  enough_claimed,  ///< it brought as many as were asked for
  nothing_due,     ///< nothing else is due, nor will be unless what is in flight comes back
  due_later,       ///< the next chunk is due at `until`
  only_retries,    ///< what is due are retries, and the run has spent its share of them
  held,            ///< a call is due, and the limits hold it until `until`
  paused           ///< likewise, and everybody else with it, after a 429 or an API that asked to wait
};

struct Claims {
  std::vector<Claimed> calls;
  NoMore no_more = NoMore::enough_claimed;
  LedgerTime until{};            ///< due_later, held, paused: not before
  std::optional<Limit> held_by;  ///< the limit that says so; empty: pacing, a pause, or the API's own word
  bool is_use_unknown = false;   ///< of that limit it is not known what is used (Pace::unknown_until)
};

/// What came of a call.
struct CallReport {
  CallEnd end;
  Verdict verdict;
  LedgerTime read_at{};
  bool answer_read = false;  ///< else its slots stay taken until the server can no longer count it
  std::optional<Duration> retry_after;
  std::optional<RateAdvice> advice;
};

/// What recording a report came to.
struct Recorded {
  RunCounts counts;
  LedgerTime paused_until{};           ///< after a 429, or a 503 that said how long
  std::vector<LimitUse> use_at_pause;  ///< what this ledger itself had used when it came
};

}  // namespace convoke
