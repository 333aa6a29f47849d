#include "run/outlook.h"

#include <algorithm>
#include <set>

#include "ledger/clock_bridge.h"
#include "ledger/identity.h"
#include "ledger/run_record.h"

namespace convoke {
namespace {

constexpr Duration latency_of_a_first_call = std::chrono::milliseconds(300);

void add_calls(MemorySlots& slots, Duration window, std::int64_t calls, LedgerTime free_at) {
  int number = slots.size(window);
  for (std::int64_t call = 0; call < calls; ++call) slots.set(window, {number++, free_at});
}

// Slots as the next run will find them.
MemorySlots slots_now(LedgerSlots& slots, const LimitSettings& limits, LedgerTime now, WallTime at,
                      Duration unanswered) {
  MemorySlots copy = copy_slots(slots, limits);
  // A window that the ledger does not know yet: as the run will find it that makes it known.
  for (const Limit& limit : limits.calls) {
    // (Of two limits with one window, once.)
    if (slots.is_known(limit.window) || copy.size(limit.window) > 0) continue;
    for (const auto& earlier : slots.earlier_calls(limit.window, now, at, unanswered))
      add_calls(copy, limit.window, earlier.calls, earlier.free_at);
  }
  return copy;
}

void count(const ForgottenCalls& forgotten, Outlook& outlook) {
  MemorySlots& slots = outlook.slots;
  const LimitSettings& limits = outlook.pace.limits;
  const int most = RateLimiter(limits, slots).largest_limit().value_or(0);  // more would hold back nobody here
  std::set<Duration> counted;
  for (const Limit& limit : limits.calls) {
    const LedgerTime free_at = forgotten.counted_until + limit.window;
    if (!counted.insert(limit.window).second || free_at <= outlook.now) continue;
    add_calls(slots, limit.window, std::min<std::int64_t>(forgotten.calls, most), free_at);
  }
}

}  // namespace

bool LimitsNow::is_any_unknown() const {
  return std::any_of(use.begin(), use.end(), [](const LimitUse& one) { return one.unknown_for > Duration::zero(); });
}

Forecast Outlook::forecast(std::int64_t calls) const {
  return convoke::forecast(pace.limits, slots, now, calls, latency, pace.calls.connections);
}

Outlook outlook_of(Database& database, const std::optional<CallsBegun>& file, const PaceSettings& pace,
                   const Clock& clock) {
  const Duration uncertain = unanswered(pace.calls.timeout);
  const WallTime at = clock.wall();
  const auto bridge = bridge_clock(stored_bridge(database), clock.boot_id(), clock.now(), at);
  const LedgerTime now = LedgerClock(clock, bridge.offset).now();
  LedgerSlots slots(database);
  Outlook outlook{pace,
                  {},
                  now,
                  slots_now(slots, pace.limits, now, at, uncertain),
                  mean_latency(database).value_or(latency_of_a_first_call)};
  const ForgottenCalls forgotten = forgotten_calls(calls_begun(database), file, now, at, uncertain);
  if (forgotten.unknown_until && slots.any_taken(now)) {
    Pace known = outlook.slots.pace();
    known.unknown_until = std::max(known.unknown_until, *forgotten.unknown_until);
    outlook.slots.set_pace(known);
  }
  count(forgotten, outlook);
  outlook.limits = {RateLimiter(pace.limits, outlook.slots).use(now), {}, at, forgotten.calls};
  MemorySlots trial = outlook.slots;
  const Admission admission = RateLimiter(pace.limits, trial).take(now, now);
  if (!admission.slots)
    outlook.limits.next_call = at + std::chrono::ceil<std::chrono::milliseconds>(admission.until - now);
  return outlook;
}

Outlook outlook_of_new_ledger(const PaceSettings& pace) {
  const LedgerTime any_time{std::chrono::hours(24 * 365)};
  Outlook outlook{pace, {}, any_time, {}, latency_of_a_first_call};
  outlook.limits.use = RateLimiter(pace.limits, outlook.slots).use(any_time);
  return outlook;
}

}  // namespace convoke
