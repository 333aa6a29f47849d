#include "ledger/listed_members.h"

#include <boost/endian/conversion.hpp>

namespace convoke {
namespace {

// Half of an id, and the place that follows from both halves and the target. A table by number is half the size of one
// by id, and found in twice as fast; with the half that is kept and how far it had to move, a place tells the other.
struct Spot {
  Spot(std::int64_t target, const MemberId& member)
      : id(static_cast<std::int64_t>(boost::endian::load_big_u64(&member.bytes[8]))), target_no(target) {
    std::uint64_t mixed = static_cast<std::uint64_t>(id) * 0x9E3779B97F4A7C15U;
    mixed ^= mixed >> 29U;
    mixed += static_cast<std::uint64_t>(target_no) * 0xBF58476D1CE4E5B9U;
    const std::uint64_t high = boost::endian::load_big_u64(&member.bytes[0]);
    place = static_cast<std::int64_t>((high ^ mixed) >> 1U);
    odd = static_cast<std::int64_t>((high ^ mixed) & 1U);
  }
  std::int64_t id;
  std::int64_t target_no;
  std::int64_t place = 0;  // from 0 on: what others have taken is passed over upwards
  std::int64_t odd = 0;    // the bit that the place does not tell
  std::int64_t moved = 0;

  void move() {
    ++place;
    ++moved;
  }
  std::int64_t tag() const { return 2 * moved + odd; }
};

}  // namespace

ListedMembers::ListedMembers()
    // Many are found by chance, all over the table: most of a million fit into this cache.
    : table_(temporary_database(R"sql(
        PRAGMA cache_size = -32000;
        CREATE TABLE listed (place INTEGER PRIMARY KEY, id, target_no, moved, gone)
      )sql")),
      add_(table_, "INSERT OR IGNORE INTO listed VALUES (?, ?, ?, ?, ?)"),
      find_(table_, "SELECT gone FROM listed WHERE place = ? AND id = ? AND target_no = ? AND moved = ?"),
      bring_back_(table_, "UPDATE listed SET gone = 0 WHERE place = ? AND id = ? AND target_no = ? AND moved = ?") {}

Presence ListedMembers::add(std::int64_t target_no, const MemberId& member, Presence as) {
  try {
    for (Spot spot(target_no, member);; spot.move()) {
      if (add_.run(spot.place, spot.id, spot.target_no, spot.tag(), as == Presence::gone) > 0) return Presence::absent;
      const auto gone = find_.row<bool>(spot.place, spot.id, spot.target_no, spot.tag());
      if (gone) return *gone ? Presence::gone : Presence::listed;
    }
  } catch (const SQLite::Exception& exception) {
    throw temporary_error(exception, "the list's members");
  }
}

void ListedMembers::bring_back(std::int64_t target_no, const MemberId& member) {
  for (Spot spot(target_no, member); spot.moved < 64; spot.move()) {
    if (bring_back_.run(spot.place, spot.id, spot.target_no, spot.tag()) > 0) return;
  }
}

}  // namespace convoke
