// What a ledger does not know of the calls that were made on it, as its limits have to take it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/ledger_time.h"
#include "ledger/calls_file.h"

namespace convoke {

struct ForgottenCalls {
  std::int64_t calls = 0;                   ///< that the file knows of, and the ledger has forgotten: it was restored
  LedgerTime counted_until{};               ///< until when the latest that the file knows of may come to be counted
  std::optional<LedgerTime> unknown_until;  ///< it was copied: until then it is not known what is used
};

/// By the file beside it. `unanswered`: how long after it was claimed a call may still be counted. What is not known
/// of a copy matters only while any of the calls that it does know of still counts: an older one is as good as a new
/// ledger.
ForgottenCalls forgotten_calls(const CallsBegun& ledger, const std::optional<CallsBegun>& file, LedgerTime now,
                               WallTime wall, Duration unanswered);

}  // namespace convoke
