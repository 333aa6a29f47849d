#include "ledger/slots.h"

#include <algorithm>

namespace convoke {
namespace {

constexpr std::int64_t largest_limit = 10'000'000;  // more hold nobody back (base/limit.h)

bool contains(const std::vector<Duration>& windows, Duration window) {
  return std::find(windows.begin(), windows.end(), window) != windows.end();
}

}  // namespace

LedgerSlots::LedgerSlots(Database& database)
    : database_(database),
      known_(database, "SELECT window_us FROM limit_window"),
      size_(database, "SELECT ifnull(max(slot_no) + 1, 0) FROM slot WHERE window_us = ?"),
      earliest_(database, R"sql(
        SELECT slot_no, free_at FROM slot INDEXED BY slot_free WHERE window_us = ? ORDER BY free_at LIMIT 1 OFFSET ?
      )sql"),
      taken_(database, "SELECT count(*) FROM slot WHERE window_us = ? AND free_at > ?"),
      set_(database, R"sql(
        INSERT INTO slot VALUES (?1, ?2, ?3) ON CONFLICT (window_us, slot_no) DO UPDATE SET free_at = ?3
      )sql"),
      next_at_(database, "SELECT next_at FROM limit_window WHERE window_us = ?"),
      set_next_at_(database, "UPDATE limit_window SET next_at = ? WHERE window_us = ?"),
      pace_(database, "SELECT paused_until, allowed, allowed_until, unknown_until FROM pace"),
      set_pace_(database, "UPDATE pace SET paused_until = ?, allowed = ?, allowed_until = ?, unknown_until = ?") {}

void LedgerSlots::read_windows() {
  windows_.clear();
  for (const Duration window : known_.rows<Duration>()) windows_.push_back(window);
}

void LedgerSlots::know(Transaction& transaction, const std::vector<Duration>& own, LedgerTime now, WallTime wall,
                       Duration unanswered) {
  read_windows();
  for (const Duration window : own) {
    if (!contains(windows_, window)) make_known(transaction, window, now, wall, unanswered);
  }
}

bool LedgerSlots::is_known(Duration window) {
  read_windows();
  return contains(windows_, window);
}

void LedgerSlots::make_known(Transaction& transaction, Duration window, LedgerTime now, WallTime wall,
                             Duration unanswered) {
  Statement(transaction, "INSERT INTO limit_window (window_us) VALUES (?)").run(window);
  windows_.push_back(window);
  int number = 0;
  for (const Earlier& earlier : earlier_calls(window, now, wall, unanswered)) {
    for (std::int64_t call = 0; call < earlier.calls; ++call) set(window, {number++, earlier.free_at});
  }
}

std::vector<LedgerSlots::Earlier> LedgerSlots::earlier_calls(Duration window, LedgerTime now, WallTime wall,
                                                             Duration unanswered) {
  std::vector<Earlier> earlier;
  // A call's wall time is brought to ledger time by how long ago it was. It is not known when it left, so even if it
  // was answered it counts as long as it may have been under way.
  Statement calls(database_, "SELECT sent_at FROM call WHERE sent_at > ? ORDER BY call_id");
  const WallTime since = wall - std::chrono::duration_cast<std::chrono::milliseconds>(window + unanswered);
  for (const WallTime sent_at : calls.rows<WallTime>(since)) {
    // A wall clock that was set back since makes no call later than now.
    const Duration ago = std::max<Duration>(wall - sent_at, Duration::zero());
    const LedgerTime free_at = now - ago + unanswered + window;
    if (free_at > now) earlier.push_back({1, free_at});
  }
  Statement forgotten(database_, "SELECT calls, counted_until FROM forgotten WHERE counted_until > ?");
  for (const auto& [count, counted_until] : forgotten.rows<std::int64_t, LedgerTime>(now - window))
    earlier.push_back({std::min(count, largest_limit), counted_until + window});
  return earlier;
}

void LedgerSlots::tidy(Transaction& transaction, const std::vector<Duration>& own, LedgerTime now) {
  Statement free(transaction, R"sql(
    DELETE FROM slot WHERE window_us = ?1
    AND slot_no > ifnull((SELECT max(slot_no) FROM slot WHERE window_us = ?1 AND free_at > ?2), -1)
  )sql");
  Statement forget(transaction, "DELETE FROM limit_window WHERE window_us = ?");
  read_windows();
  for (const Duration window : windows_) {
    free.run(window, now);
    if (!contains(own, window) && size(window) == 0) forget.run(window);
  }
}

bool LedgerSlots::any_taken(LedgerTime now) {
  return std::any_of(windows_.begin(), windows_.end(), [&](Duration window) { return taken(window, now) > 0; });
}

void LedgerSlots::take_forgotten(Transaction& transaction, std::int64_t calls, LedgerTime counted_until,
                                 LedgerTime now) {
  Statement(transaction, "INSERT INTO forgotten VALUES (?, ?)").run(calls, counted_until);
  for (const Duration window : windows_) {
    if (counted_until + window > now) add(window, calls, counted_until + window);
  }
}

void LedgerSlots::add(Duration window, std::int64_t calls, LedgerTime free_at) {
  int number = size(window);
  for (std::int64_t call = 0; call < std::min(calls, largest_limit); ++call) set(window, {number++, free_at});
}

int LedgerSlots::size(Duration window) {
  return size_.the<int>(window);
}

Slot LedgerSlots::earliest(Duration window, int rank) {
  const auto [number, free_at] = earliest_.the<int, LedgerTime>(window, rank);
  return {number, free_at};
}

std::vector<LedgerTime> LedgerSlots::free_times(Duration window) {
  std::vector<LedgerTime> times;
  Statement query(database_, "SELECT free_at FROM slot INDEXED BY slot_free WHERE window_us = ? ORDER BY free_at");
  for (const LedgerTime free_at : query.rows<LedgerTime>(window)) times.push_back(free_at);
  return times;
}

int LedgerSlots::taken(Duration window, LedgerTime now) {
  return taken_.the<int>(window, now);
}

void LedgerSlots::set(Duration window, const Slot& slot) {
  set_.run(window, slot.number, slot.free_at);
}

LedgerTime LedgerSlots::next_at(Duration window) {
  return next_at_.row<LedgerTime>(window).value_or(LedgerTime{});
}

void LedgerSlots::set_next_at(Duration window, LedgerTime next_at) {
  set_next_at_.run(next_at, window);
}

Pace LedgerSlots::pace() {
  const auto [paused_until, allowed, allowed_until, unknown_until] =
      pace_.the<LedgerTime, int, LedgerTime, LedgerTime>();
  return {paused_until, allowed, allowed_until, unknown_until};
}

void LedgerSlots::set_pace(const Pace& pace) {
  set_pace_.run(pace.paused_until, pace.allowed, pace.allowed_until, pace.unknown_until);
}

}  // namespace convoke
