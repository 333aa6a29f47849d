// What speaks against the job as a whole, and not against its members: where a run has nobody accepted and one after
// the other is refused with the same words, asking for each would only burn the quota and blame them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "run/call.h"
#include "run/run_end.h"

namespace convoke {

class Refusals {
 public:
  /// What came of a call, `now`; `others` are members due at the start and not rejected since. Returned: why to stop.
  std::optional<RunEnd> saw(const Claimed& call, const Verdict& verdict, std::int64_t others, LedgerTime now);

  /// Members next to each other in a list of ids in order may all be old, say, and unknown: ask at its other end, too.
  bool ask_at_the_end() const;

  /// Whether the target was there before, and no answer says yet that it is not: calls under way at the first that did
  /// tell nothing more.
  bool is_target_known(const Claimed& call) const;

 private:
  std::optional<RunEnd> saw_strange(const Verdict& verdict, Step step);
  std::optional<RunEnd> saw_alike(const Claimed& call, const Verdict& verdict, std::int64_t others);

  bool is_accepted_in_run_ = false;
  std::string words_;         // of the latest refusal of a single member, without ids
  int alike_ = 0;             // single members refused with them in a row, until somebody is accepted
  int alike_at_end_ = 0;      // of them, those from the end of the list
  int too_large_alone_ = 0;   // calls of one member that were too large, since the last that was accepted
  int strange_in_a_row_ = 0;  // pages, and answers that cannot be understood, since the last that was accepted
  std::map<std::int64_t, LedgerTime> missed_;  // targets accepted before, and when they were first not there
};

}  // namespace convoke
