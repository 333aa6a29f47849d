#include "ledger/clock_bridge.h"

#include <algorithm>

#include "ledger/statement.h"

namespace convoke {

ClockBridge bridge_clock(const std::optional<ClockBridge>& stored, const std::string& boot_id, Instant now,
                         WallTime wall) {
  if (stored && stored->boot_id == boot_id && !boot_id.empty()) return *stored;
  ClockBridge bridge{boot_id, {}, {}, wall};
  if (stored) {
    const auto since = std::max<Duration>(wall - stored->wall, Duration::zero());
    bridge.latest = stored->latest + since;
  } else {
    bridge.latest = LedgerTime(wall.time_since_epoch());  // any start will do; this one reads well in the file
  }
  bridge.offset = bridge.latest.time_since_epoch() - now.time_since_epoch();
  return bridge;
}

std::optional<ClockBridge> stored_bridge(Database& database) {
  Statement query(database, "SELECT boot_id, offset_us, ledger_us, wall_ms FROM clock_bridge");
  const auto row = query.row<std::string, Duration, LedgerTime, WallTime>();
  if (!row) return std::nullopt;
  const auto& [boot_id, offset, latest, wall] = *row;
  return ClockBridge{boot_id, offset, latest, wall};
}

ClockBridge bridge_clock(Database& database, const Clock& clock) {
  return database.write([&](Transaction& transaction) {
    const auto stored = stored_bridge(database);
    const ClockBridge bridge = bridge_clock(stored, clock.boot_id(), clock.now(), clock.wall());
    if (!stored || stored->boot_id != bridge.boot_id || bridge.boot_id.empty()) {
      Statement(transaction, "INSERT OR REPLACE INTO clock_bridge VALUES (1, ?, ?, ?, ?)")
          .run(bridge.boot_id, bridge.offset, bridge.latest, bridge.wall);
    }
    return bridge;
  });
}

void note_time(Transaction& transaction, LedgerTime now, WallTime wall) {
  Statement(transaction, "UPDATE clock_bridge SET ledger_us = ?, wall_ms = ?").run(now, wall);
}

}  // namespace convoke
