// Ledger time, and how each boot of the machine joins it.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ledger_time.h"
#include "ledger/database.h"

namespace convoke {

/// How ledger time stands to the boot clock of this process: ledger time = boot clock + offset.
struct ClockBridge {
  std::string boot_id;
  Duration offset{};
  LedgerTime latest{};  ///< the latest ledger time anyone wrote down, and
  WallTime wall{};      ///< the wall time then
};

/// The bridge for the boot that `boot_id` names. A new boot goes on where the last left off, plus the wall time since;
/// a wall clock set back adds nothing, so ledger time never runs backwards and no slot is free too early. An empty
/// `boot_id` (it cannot be read) equals no other: the uptime it was noted with may be an older boot's.
ClockBridge bridge_clock(const std::optional<ClockBridge>& stored, const std::string& boot_id, Instant now,
                         WallTime wall);

/// What the ledger has written down, if anything.
std::optional<ClockBridge> stored_bridge(Database& database);

/// Reads, and at the first open in a boot writes, the bridge.
ClockBridge bridge_clock(Database& database, const Clock& clock);
/// Writes down how late it is, for the next boot.
void note_time(Transaction& transaction, LedgerTime now, WallTime wall);

/// Ledger time as this process reads it.
class LedgerClock {
 public:
  LedgerClock(const Clock& clock, Duration offset) : clock_(clock), offset_(offset) {}
  LedgerTime now() const { return at(clock_.now()); }
  LedgerTime at(Instant instant) const { return LedgerTime(instant.time_since_epoch() + offset_); }
  WallTime wall() const { return clock_.wall(); }

 private:
  const Clock& clock_;
  Duration offset_;
};

}  // namespace convoke
