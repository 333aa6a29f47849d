#include "ledger/slots.h"

#include <algorithm>

#include "ledger/stored_time.h"

namespace convoke {
namespace {

constexpr std::int64_t largest_limit = 10'000'000;  // more hold nobody back (base/limit.h)

LedgerTime time_of(const SQLite::Column& column) {
  return LedgerTime(Duration(column.getInt64()));
}

bool contains(const std::vector<Duration>& windows, Duration window) {
  return std::find(windows.begin(), windows.end(), window) != windows.end();
}

}  // namespace

LedgerSlots::LedgerSlots(Database& database)
    : database_(database),
      known_(database.handle(), "SELECT window_us FROM limit_window"),
      size_(database.handle(), "SELECT ifnull(max(slot_no) + 1, 0) FROM slot WHERE window_us = ?"),
      earliest_(database.handle(),
                "SELECT slot_no, free_at FROM slot INDEXED BY slot_free WHERE window_us = ? ORDER BY free_at LIMIT 1 "
                "OFFSET ?"),
      taken_(database.handle(), "SELECT count(*) FROM slot WHERE window_us = ? AND free_at > ?"),
      set_(database.handle(),
           "INSERT INTO slot VALUES (?1, ?2, ?3) ON CONFLICT (window_us, slot_no) DO UPDATE SET free_at = ?3"),
      next_at_(database.handle(), "SELECT next_at FROM limit_window WHERE window_us = ?"),
      set_next_at_(database.handle(), "UPDATE limit_window SET next_at = ?2 WHERE window_us = ?1"),
      pace_(database.handle(), "SELECT paused_until, allowed, allowed_until, unknown_until FROM pace"),
      set_pace_(database.handle(),
                "UPDATE pace SET paused_until = ?, allowed = ?, allowed_until = ?, unknown_until = ?") {}

void LedgerSlots::read_windows() {
  windows_.clear();
  while (known_.executeStep()) windows_.emplace_back(known_.getColumn(0).getInt64());
  known_.reset();
}

void LedgerSlots::know(const std::vector<Duration>& own, LedgerTime now, WallTime wall, Duration unanswered) {
  read_windows();
  for (const Duration window : own) {
    if (!contains(windows_, window)) make_known(window, now, wall, unanswered);
  }
}

bool LedgerSlots::is_known(Duration window) {
  read_windows();
  return contains(windows_, window);
}

void LedgerSlots::make_known(Duration window, LedgerTime now, WallTime wall, Duration unanswered) {
  SQLite::Statement insert(database_.handle(), "INSERT INTO limit_window (window_us) VALUES (?)");
  insert.bind(1, micros(window));
  insert.exec();
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
  SQLite::Statement calls(database_.handle(), "SELECT sent_at FROM call WHERE sent_at > ? ORDER BY call_id");
  calls.bind(1, millis(wall - std::chrono::duration_cast<std::chrono::milliseconds>(window + unanswered)));
  while (calls.executeStep()) {
    // A wall clock that was set back since makes no call later than now.
    const Duration ago =
        std::max<Duration>(wall - WallTime(std::chrono::milliseconds(calls.getColumn(0).getInt64())), Duration::zero());
    const LedgerTime free_at = now - ago + unanswered + window;
    if (free_at > now) earlier.push_back({1, free_at});
  }
  SQLite::Statement forgotten(database_.handle(), "SELECT calls, counted_until FROM forgotten WHERE counted_until > ?");
  forgotten.bind(1, micros(now - window));
  while (forgotten.executeStep()) {
    earlier.push_back(
        {std::min(forgotten.getColumn(0).getInt64(), largest_limit), time_of(forgotten.getColumn(1)) + window});
  }
  return earlier;
}

void LedgerSlots::tidy(const std::vector<Duration>& own, LedgerTime now) {
  SQLite::Statement free(database_.handle(),
                         "DELETE FROM slot WHERE window_us = ?1 AND slot_no > "
                         "ifnull((SELECT max(slot_no) FROM slot WHERE window_us = ?1 AND free_at > ?2), -1)");
  SQLite::Statement forget(database_.handle(), "DELETE FROM limit_window WHERE window_us = ?");
  read_windows();
  for (const Duration window : windows_) {
    free.bind(1, micros(window));
    free.bind(2, micros(now));
    free.exec();
    free.reset();
    if (contains(own, window) || size(window) > 0) continue;
    forget.bind(1, micros(window));
    forget.exec();
    forget.reset();
  }
}

bool LedgerSlots::any_taken(LedgerTime now) {
  return std::any_of(windows_.begin(), windows_.end(), [&](Duration window) { return taken(window, now) > 0; });
}

void LedgerSlots::take_forgotten(std::int64_t calls, LedgerTime counted_until, LedgerTime now) {
  SQLite::Statement insert(database_.handle(), "INSERT INTO forgotten VALUES (?, ?)");
  insert.bind(1, calls);
  insert.bind(2, micros(counted_until));
  insert.exec();
  for (const Duration window : windows_) {
    if (counted_until + window > now) add(window, calls, counted_until + window);
  }
}

void LedgerSlots::add(Duration window, std::int64_t calls, LedgerTime free_at) {
  int number = size(window);
  for (std::int64_t call = 0; call < std::min(calls, largest_limit); ++call) set(window, {number++, free_at});
}

int LedgerSlots::size(Duration window) {
  size_.bind(1, micros(window));
  size_.executeStep();
  const int size = size_.getColumn(0).getInt();
  size_.reset();
  return size;
}

Slot LedgerSlots::earliest(Duration window, int rank) {
  earliest_.bind(1, micros(window));
  earliest_.bind(2, rank);
  earliest_.executeStep();
  const Slot slot{earliest_.getColumn(0).getInt(), time_of(earliest_.getColumn(1))};
  earliest_.reset();
  return slot;
}

std::vector<LedgerTime> LedgerSlots::free_times(Duration window) {
  SQLite::Statement query(database_.handle(),
                          "SELECT free_at FROM slot INDEXED BY slot_free WHERE window_us = ? ORDER BY free_at");
  query.bind(1, micros(window));
  std::vector<LedgerTime> times;
  while (query.executeStep()) times.push_back(time_of(query.getColumn(0)));
  return times;
}

int LedgerSlots::taken(Duration window, LedgerTime now) {
  taken_.bind(1, micros(window));
  taken_.bind(2, micros(now));
  taken_.executeStep();
  const int taken = taken_.getColumn(0).getInt();
  taken_.reset();
  return taken;
}

void LedgerSlots::set(Duration window, const Slot& slot) {
  set_.bind(1, micros(window));
  set_.bind(2, slot.number);
  set_.bind(3, micros(slot.free_at));
  set_.exec();
  set_.reset();
}

LedgerTime LedgerSlots::next_at(Duration window) {
  next_at_.bind(1, micros(window));
  const LedgerTime next = next_at_.executeStep() ? time_of(next_at_.getColumn(0)) : LedgerTime{};
  next_at_.reset();
  return next;
}

void LedgerSlots::set_next_at(Duration window, LedgerTime next_at) {
  set_next_at_.bind(1, micros(window));
  set_next_at_.bind(2, micros(next_at));
  set_next_at_.exec();
  set_next_at_.reset();
}

Pace LedgerSlots::pace() {
  pace_.executeStep();
  const Pace pace{time_of(pace_.getColumn(0)), pace_.getColumn(1).getInt(), time_of(pace_.getColumn(2)),
                  time_of(pace_.getColumn(3))};
  pace_.reset();
  return pace;
}

void LedgerSlots::set_pace(const Pace& pace) {
  set_pace_.bind(1, micros(pace.paused_until));
  set_pace_.bind(2, pace.allowed);
  set_pace_.bind(3, micros(pace.allowed_until));
  set_pace_.bind(4, micros(pace.unknown_until));
  set_pace_.exec();
  set_pace_.reset();
}

}  // namespace convoke
