// What lies ahead of the calls on a ledger, as the next run will find it: what the limits leave now, and how long calls
// take from here. For who only looks; a run does the same for good (RunLedger).
#pragma once

#include <optional>
#include <vector>

#include "api/settings.h"
#include "base/clock.h"
#include "ledger/calls_file.h"
#include "run/forecast.h"

namespace convoke {

/// How fast the config has calls go.
struct PaceSettings {
  LimitSettings limits;
  CallSettings calls;
};

/// What the limits leave now.
struct LimitsNow {
  std::vector<LimitUse> use;
  std::optional<WallTime> next_call;  ///< when a call may go again; empty: now
  WallTime at{};                      ///< when that was so
  std::int64_t forgotten = 0;         ///< calls that the ledger has forgotten: it was restored from a backup

  /// Whether what is used of any limit is not known (Pace::unknown_until).
  bool is_any_unknown() const;
};

struct Outlook {
  PaceSettings pace;
  LimitsNow limits;
  LedgerTime now{};
  MemorySlots slots{};  ///< as they stand now
  Duration latency{};   ///< of a call

  /// Of so many calls from now on.
  Forecast forecast(std::int64_t calls) const;
};

/// Also where the ledger was restored or copied: `file` says so (look_at_calls()). Inside a transaction.
Outlook outlook_of(Database& database, const std::optional<CallsBegun>& file, const PaceSettings& pace,
                   const Clock& clock);
/// Of a ledger that is still to be made: nothing was sent yet.
Outlook outlook_of_new_ledger(const PaceSettings& pace);

}  // namespace convoke
