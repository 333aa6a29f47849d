#include "run/forgotten_calls.h"

#include <algorithm>

namespace convoke {

ForgottenCalls forgotten_calls(const CallsBegun& ledger, const std::optional<CallsBegun>& file, LedgerTime now,
                               WallTime wall, Duration unanswered) {
  ForgottenCalls forgotten;
  // A wall clock that was set back since makes no call later than now.
  if (file) forgotten.counted_until = now - std::max<Duration>(wall - file->latest, Duration::zero()) + unanswered;
  const CallsKnown known = calls_known(ledger, file);
  if (known == CallsKnown::fewer) forgotten.calls = file->calls - ledger.calls;
  if (known == CallsKnown::not_sure) forgotten.unknown_until = now + unanswered;
  return forgotten;
}

}  // namespace convoke
