#include "ledger/brakes.h"

#include <fmt/format.h>

#include <tuple>

#include "base/error.h"
#include "base/numbers.h"

namespace convoke {
namespace {

constexpr std::size_t moves_in_memory = 1 << 17;  // 3 MiB

// One who comes to a target, or leaves one unsettled: who does both has another target now.
struct Move {
  MemberId id;
  std::uint64_t leaves;

  bool operator<(const Move& other) const { return std::tie(id, leaves) < std::tie(other.id, other.leaves); }
};

// Of the unsettled, those that the list has for no target.
std::int64_t leaving(Differences& differences, const std::filesystem::path& folder) {
  Sorter<Move> moves(folder, moves_in_memory);
  differences.begin();
  while (const auto difference = differences.next()) {
    if (difference->what == Difference::What::gone) {
      if (difference->was_unsettled) moves.add({difference->id, 1});
    } else if (difference->what == Difference::What::added || difference->was_gone) {
      moves.add({difference->id, 0});
    }
  }
  moves.begin_reading();
  std::int64_t members = 0;
  std::optional<MemberId> current;
  std::int64_t comes = 0;
  while (const Move* move = moves.next()) {
    if (move->id != current) comes = 0;
    current = move->id;
    // Who comes sorts before who leaves; one that comes makes up for one that leaves.
    if (move->leaves == 0) {
      ++comes;
    } else if (comes-- <= 0) {
      ++members;
    }
  }
  return members;
}

}  // namespace

void check_brakes(const IntakeBrakes& brakes, const Books& books, Differences& differences,
                  const std::filesystem::path& folder) {
  constexpr std::int64_t least = 20;
  const std::int64_t rows = differences.reading().rows;
  if (rows < brakes.rules.min_rows) {
    throw Error(
        Exit::bad_source,
        fmt::format("has {}, and source.min_rows asks for {}", counted(rows, "row"), grouped(brakes.rules.min_rows)),
        brakes.source, "see that the list is whole; or lower source.min_rows");
  }
  if (brakes.accept_shrunk) return;
  if (rows == 0 && books.in_list() > 0) {
    throw Error(Exit::bad_source, fmt::format("is empty, and had {} before", counted(books.in_list(), "member")),
                brakes.source, "see that the list is whole; if it really is empty now: --accept-shrunk");
  }
  const std::int64_t unsettled =
      books.in_list_of(Outcome::pending) + books.in_list_of(Outcome::failed) + books.in_list_of(Outcome::in_doubt);
  if (unsettled < least) return;
  const std::int64_t leave = leaving(differences, folder);
  if (leave < least || 2 * leave <= unsettled) return;
  throw Error(Exit::bad_source,
              fmt::format("has shrunk: {} of the {} that are not settled yet are no longer in it, and would not "
                          "be asked for any more ({} now)",
                          grouped(leave), counted(unsettled, "member"), counted(rows, "row")),
              brakes.source, "see that it is the whole list, and the right one; if it is: --accept-shrunk");
}

}  // namespace convoke
