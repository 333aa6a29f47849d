// Time comes from outside wherever it decides anything: the real clock in the program, a virtual one in tests.
#pragma once

#include <chrono>
#include <string>

#include "base/duration.h"

namespace convoke {

/// A point on a clock that never runs backwards and is the same for all processes within one boot of the machine
/// (CLOCK_BOOTTIME: it also counts while the machine is suspended). Its zero means nothing.
struct BootTime {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<BootTime>;
  static constexpr bool is_steady = true;
};
using Instant = BootTime::time_point;

/// Wall time, UTC, for people and for bridging boots; never used to measure within a boot.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
  virtual std::string boot_id() const = 0;  ///< differs after each boot of the machine; empty: it cannot be read
};

class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
  std::string boot_id() const override;  ///< /proc/sys/kernel/random/boot_id
};

/// `2026-11-24T13:36:33.123Z` (RFC 3339, UTC).
std::string format_time(WallTime time);

}  // namespace convoke
