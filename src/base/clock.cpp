#include "base/clock.h"

#include <fmt/format.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <string_view>

namespace convoke {

Instant SystemClock::now() const {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_nsec / 1000));
}

WallTime SystemClock::wall() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string SystemClock::boot_id() const {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  // In a time namespace of its own a process has another boot clock in the same boot (time_namespaces(7)).
  constexpr std::string_view usual = "time:[4026531834]";
  std::error_code none;
  const std::string clocks = std::filesystem::read_symlink("/proc/self/ns/time", none).string();
  if (!id.empty() && !clocks.empty() && clocks != usual) id += ' ' + clocks;
  return id;
}

std::string format_time(WallTime time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace convoke
