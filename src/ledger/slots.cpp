#include "ledger/slots.h"

#include <algorithm>

#include "ledger/stored_time.h"

namespace convoke {
namespace {

LedgerTime time_of(const SQLite::Column& column) {
  return LedgerTime(Duration(column.getInt64()));
}

}  // namespace

LedgerSlots::LedgerSlots(Database& database)
    : database_(database),
      size_(database.handle(), "SELECT ifnull(max(slot_no) + 1, 0) FROM slot WHERE window_us = ?"),
      earliest_(database.handle(),
                "SELECT slot_no, free_at FROM slot INDEXED BY slot_free WHERE window_us = ? ORDER BY free_at LIMIT 1 "
                "OFFSET ?"),
      taken_(database.handle(), "SELECT count(*) FROM slot WHERE window_us = ? AND free_at > ?"),
      set_(database.handle(),
           "INSERT INTO slot VALUES (?1, ?2, ?3) ON CONFLICT (window_us, slot_no) DO UPDATE SET free_at = ?3"),
      pace_(database.handle(), "SELECT next_at, paused_until, allowed, allowed_until FROM pace"),
      set_pace_(database.handle(), "UPDATE pace SET next_at = ?, paused_until = ?, allowed = ?, allowed_until = ?") {}

void LedgerSlots::open_window(Duration window, LedgerTime now, WallTime wall, Duration unanswered) {
  const std::string mark = std::to_string(micros(window)) + ',';
  SQLite::Statement without(database_.handle(), "SELECT count(*) FROM run WHERE instr(windows, ',' || ?) = 0");
  without.bind(1, mark);
  without.executeStep();
  if (without.getColumn(0).getInt() == 0) return;

  // A call's wall time is brought to ledger time by how long ago it was. It is not known when it left, so even if it
  // was answered it counts as long as it may have been under way.
  SQLite::Statement calls(database_.handle(),
                          "SELECT sent_at FROM call JOIN run USING (run_id) "
                          "WHERE sent_at > ?1 AND instr(windows, ',' || ?2) = 0 ORDER BY call_id");
  const auto covered = std::chrono::duration_cast<std::chrono::milliseconds>(window + unanswered);
  calls.bind(1, millis(wall - covered));
  calls.bind(2, mark);
  int number = size(window);
  while (calls.executeStep()) {
    // A wall clock that was set back since makes no call later than now.
    const Duration ago =
        std::max<Duration>(wall - WallTime(std::chrono::milliseconds(calls.getColumn(0).getInt64())), Duration::zero());
    const LedgerTime free_at = now - ago + unanswered + window;
    if (free_at > now) set(window, {number++, free_at});
  }
  SQLite::Statement keep(database_.handle(),
                         "UPDATE run SET windows = iif(windows = '', ',', windows) || ?1 "
                         "WHERE instr(windows, ',' || ?1) = 0");
  keep.bind(1, mark);
  keep.exec();
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

Pace LedgerSlots::pace() {
  pace_.executeStep();
  const Pace pace{time_of(pace_.getColumn(0)), time_of(pace_.getColumn(1)), pace_.getColumn(2).getInt(),
                  time_of(pace_.getColumn(3))};
  pace_.reset();
  return pace;
}

void LedgerSlots::set_pace(const Pace& pace) {
  set_pace_.bind(1, micros(pace.next_at));
  set_pace_.bind(2, micros(pace.paused_until));
  set_pace_.bind(3, pace.allowed);
  set_pace_.bind(4, micros(pace.allowed_until));
  set_pace_.exec();
  set_pace_.reset();
}

}  // namespace convoke
