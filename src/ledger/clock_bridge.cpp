#include "ledger/clock_bridge.h"

#include <algorithm>

#include "ledger/stored_time.h"

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
  SQLite::Statement query(database.handle(), "SELECT boot_id, offset_us, ledger_us, wall_ms FROM clock_bridge");
  if (!query.executeStep()) return std::nullopt;
  return ClockBridge{query.getColumn(0).getString(), Duration(query.getColumn(1).getInt64()),
                     LedgerTime(Duration(query.getColumn(2).getInt64())),
                     WallTime(std::chrono::milliseconds(query.getColumn(3).getInt64()))};
}

ClockBridge bridge_clock(Database& database, const Clock& clock) {
  ClockBridge bridge;
  database.write([&] {
    const auto stored = stored_bridge(database);
    bridge = bridge_clock(stored, clock.boot_id(), clock.now(), clock.wall());
    if (stored && stored->boot_id == bridge.boot_id && !bridge.boot_id.empty()) return;
    SQLite::Statement insert(database.handle(), "INSERT OR REPLACE INTO clock_bridge VALUES (1, ?, ?, ?, ?)");
    insert.bind(1, bridge.boot_id);
    insert.bind(2, micros(bridge.offset));
    insert.bind(3, micros(bridge.latest));
    insert.bind(4, millis(bridge.wall));
    insert.exec();
  });
  return bridge;
}

void note_time(Database& database, LedgerTime now, WallTime wall) {
  SQLite::Statement update(database.handle(), "UPDATE clock_bridge SET ledger_us = ?, wall_ms = ?");
  update.bind(1, micros(now));
  update.bind(2, millis(wall));
  update.exec();
}

}  // namespace convoke
