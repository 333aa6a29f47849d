#include "ledger/amend.h"

#include <utility>
#include <vector>

#include "ledger/chunks.h"
#include "ledger/packer.h"

namespace convoke {
namespace {

void amend_chunk(Transaction& transaction, Chunks& chunks, const std::vector<Amendment>& amendments, Reading& reading,
                 WallTime now) {
  const ChunkId id = amendments.front().chunk;
  const Standing standing = chunks.standing(chunks.read(id));
  const Fate& same = standing.fate;
  Fate other = same.gone ? same.back() : same.left();  // a chunk's members are all in the list, or all gone

  const std::vector<std::uint64_t> known_lines = chunks.lines(standing.chunk);
  std::vector<std::uint64_t> lines = known_lines;
  std::vector<std::uint32_t> stay;
  std::vector<std::uint32_t> leave;
  for (const Amendment& amendment : amendments) {
    if (amendment.gone == 0) lines[amendment.index] = amendment.line;
    ((amendment.gone != 0) == same.gone ? stay : leave).push_back(amendment.index);
  }
  if (lines != known_lines) chunks.set_lines(transaction, id, lines);
  if (leave.empty()) return;

  const auto left = static_cast<std::int64_t>(leave.size());
  if (!same.gone && same.outcome == Outcome::pending) reading.withdrawn += left;
  if (same.gone && other.outcome == Outcome::pending) reading.revived += left;
  std::vector<Piece> pieces;
  if (stay.empty()) {
    pieces.push_back({{}, std::move(other)});
  } else {
    pieces.push_back({stay, picked(same, stay)});
    pieces.push_back({leave, picked(other, leave)});
  }
  // When it changed is when it was read; which run asked last stays as it was.
  chunks.divide(transaction, standing.chunk, pieces, standing.run, now);
}

}  // namespace

void amend(Database& database, JobId job, Amendments& amendments, Reading& reading, WallTime now) {
  Chunks chunks(database, job);
  amendments.begin_reading();
  const Amendment* next = amendments.next();
  while (next != nullptr) {
    std::vector<std::vector<Amendment>> by_chunk;
    for (std::size_t members = 0; next != nullptr && by_chunk.size() < chunks_a_write && members < members_a_write;) {
      std::vector<Amendment>& of_chunk = by_chunk.emplace_back();
      for (const ChunkId chunk = next->chunk; next != nullptr && next->chunk == chunk; next = amendments.next())
        of_chunk.push_back(*next);
      members += of_chunk.size();
    }
    database.write([&](Transaction& transaction) {
      for (const auto& of_chunk : by_chunk) amend_chunk(transaction, chunks, of_chunk, reading, now);
    });
  }
}

}  // namespace convoke
