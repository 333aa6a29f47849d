// Times as the ledger's columns hold them.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/ledger_time.h"

namespace convoke {

inline std::int64_t micros(Duration duration) {
  return duration.count();
}
inline std::int64_t micros(LedgerTime time) {
  return time.time_since_epoch().count();
}
inline std::int64_t millis(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace convoke
