// Packing: members that are due alike go out in as few calls as can be. What is too large is divided, and what is small
// joined.
#include <algorithm>

#include "ledger/chunks.h"

namespace convoke {

// Only what waits for nothing and was asked alike is packed together: a chunk's members share their history.
void Chunks::repack(Transaction& transaction, int chunk_size) {
  std::vector<Waiting> waiting;
  Statement rows(transaction, R"sql(
    SELECT chunk_id, target_no, attempts, size FROM chunk
    WHERE job_id = ? AND outcome = 'pending' AND size <> ?
          AND tries = 0 AND missing = 0 AND quiet = 0 AND doubt = 0 AND not_before = 0
    ORDER BY target_no, attempts, chunk_id
  )sql");
  for (const auto& [chunk, target_no, attempts, size] : rows.rows<ChunkId, std::int64_t, int, int>(job_, chunk_size))
    waiting.push_back({chunk, target_no, attempts, size});
  for (auto first = waiting.begin(); first != waiting.end();) {
    const auto end = std::find_if(first, waiting.end(), [&](const Waiting& next) { return !next.is_alike(*first); });
    repack_alike(transaction, {first, end}, static_cast<std::size_t>(chunk_size));
    first = end;
  }
}

void Chunks::repack_alike(Transaction& transaction, std::span<const Waiting> alike, std::size_t chunk_size) {
  std::vector<ChunkId> small;
  for (const Waiting& waiting : alike) {
    ChunkId last = waiting.chunk;
    auto left = static_cast<std::size_t>(waiting.size);
    if (left > chunk_size) {
      const Standing standing = this->standing(read(waiting.chunk));
      std::vector<Piece> pieces;
      for (std::size_t at = 0; at < left; at += chunk_size)
        pieces.push_back(standing.piece(at, std::min(at + chunk_size, left)));
      last = divide(transaction, standing.chunk, pieces, standing.run, standing.updated_at).back();
      left = pieces.back().members.size();
    }
    if (left < chunk_size) small.push_back(last);
  }
  if (small.size() > 1) join(transaction, small, chunk_size);  // one alone has nobody to be packed with
}

// Chunks are taken in order, so that packed chunks are ascending again; overlaps are sorted out within one chunk.
void Chunks::join(Transaction& transaction, const std::vector<ChunkId>& small, std::size_t chunk_size) {
  Statement remove(transaction, "DELETE FROM chunk WHERE chunk_id = ?");
  std::vector<std::pair<MemberId, std::uint64_t>> open;  // members taken out of chunks and not yet in a new one
  for (const ChunkId id : small) {
    const Chunk chunk = read(id);
    const auto old_lines = lines(chunk);
    for (std::size_t member = 0; member < chunk.ids.size(); ++member)
      open.emplace_back(chunk.ids[member], old_lines[member]);
    prepared_.keep_asked.run(id);
    remove.run(id);
    while (open.size() >= chunk_size || (id == small.back() && !open.empty())) {
      const auto end = open.begin() + static_cast<std::ptrdiff_t>(std::min(open.size(), chunk_size));
      std::sort(open.begin(), end);
      std::vector<MemberId> ids;
      std::vector<std::uint64_t> new_lines;
      for (auto member = open.begin(); member != end; ++member) {
        ids.push_back(member->first);
        new_lines.push_back(member->second);
      }
      Fate fate;
      fate.attempts = chunk.attempts;
      insert(chunk.target_no, ids, encode_lines(new_lines), fate, std::nullopt, std::nullopt);
      open.erase(open.begin(), end);
    }
  }
}

}  // namespace convoke
