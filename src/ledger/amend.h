// What a reading changes of those who are known: the line that they stand on, and whether they are in the list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <tuple>

#include "base/clock.h"
#include "ledger/database.h"
#include "ledger/differences.h"
#include "ledger/reading.h"
#include "ledger/sorter.h"

namespace convoke {

/// What becomes of a member that is known: it has this line now, or it is gone.
struct Amendment {
  ChunkId chunk;
  std::uint32_t index;
  std::uint32_t gone;
  std::uint64_t line;

  static Amendment of(const Difference& member) {
    return {member.chunk, member.index, member.what == Difference::What::gone ? 1U : 0U, member.line};
  }
  bool operator<(const Amendment& other) const { return std::tie(chunk, index) < std::tie(other.chunk, other.index); }
};

/// Those of a reading, by chunk.
struct Amendments : Sorter<Amendment> {
  explicit Amendments(const std::filesystem::path& folder) : Sorter(folder, std::size_t{1} << 20) {}  // 24 MiB
};

/// Does them, and counts in `reading` who is withdrawn or revived by that. `now` goes to those whose outcome changes.
void amend(Database& database, JobId job, Amendments& amendments, Reading& reading, WallTime now);

}  // namespace convoke
