#include "run/forecast.h"

#include <algorithm>
#include <chrono>

namespace convoke {
namespace {

constexpr std::int64_t most_played = 300'000;
constexpr Duration a_day = std::chrono::hours(24);

}  // namespace

MemorySlots copy_slots(LedgerSlots& book, const LimitSettings& limits) {
  MemorySlots copy;
  for (const Limit& limit : limits.calls) {
    int number = 0;
    for (const LedgerTime free_at : book.free_times(limit.window)) copy.set(limit.window, {number++, free_at});
    copy.set_next_at(limit.window, book.next_at(limit.window));
  }
  copy.set_pace(book.pace());
  return copy;
}

Forecast forecast(const LimitSettings& limits, MemorySlots slots, LedgerTime now, std::int64_t calls, Duration latency,
                  int connections) {
  Forecast forecast;
  forecast.latency = latency;
  RateLimiter limiter(limits, slots);
  // Of more slots than a limit has, those that are free first are never waited for, and would be counted past each
  // time.
  for (std::size_t i = 0; i < limits.calls.size(); ++i) slots.keep_latest(limits.calls[i].window, limiter.usable(i));
  std::multiset<LedgerTime> connection_free;
  for (int i = 0; i < connections; ++i) connection_free.insert(now);
  const LedgerTime start = now;
  LedgerTime last = now;
  const std::int64_t played = std::min(calls, most_played);
  for (std::int64_t call = 0; call < played; ++call) {
    now = std::max(now, *connection_free.begin());
    connection_free.erase(connection_free.begin());
    Admission admission = limiter.take(now, now + latency);
    while (!admission.slots) {
      now = admission.until;
      admission = limiter.take(now, now + latency);
    }
    limiter.answered(*admission.slots, now + latency, now + latency, now);
    connection_free.insert(now + latency);
    last = std::max(last, now + latency);
    const auto day = static_cast<std::size_t>((now - start) / a_day);
    if (forecast.by_day.size() <= day) forecast.by_day.resize(day + 1);
    ++forecast.by_day[day];
  }
  forecast.duration = last - start;
  if (calls > played) {
    forecast.duration = Duration(static_cast<Duration::rep>(static_cast<double>(forecast.duration.count()) *
                                                            static_cast<double>(calls) / static_cast<double>(played)));
  }
  return forecast;
}

}  // namespace convoke
