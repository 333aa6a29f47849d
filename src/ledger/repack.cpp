// Packing: members that are due alike go out in as few calls as can be. What is too large is divided, and what is small
// joined.
#include <algorithm>

#include "ledger/chunks.h"

namespace convoke {

// Only what waits for nothing and was asked alike is packed together: a chunk's members share their history.
void Chunks::repack(Transaction& transaction, Most full) {
  std::vector<Waiting> waiting;
  Statement rows(transaction, R"sql(
    SELECT chunk_id, target_no, attempts, size, step, not_before FROM chunk JOIN target USING (target_no)
    WHERE chunk.job_id = ?1 AND outcome = 'pending' AND size <> iif(step = 'invite', ?2, ?3)
          AND tries = 0 AND missing = 0 AND quiet = 0 AND doubt = 0
          AND (not_before = 0 OR (not_before = -1 AND reason = 'no_member'))
    ORDER BY target_no, attempts, not_before, chunk_id
  )sql");
  for (const auto& [chunk, target_no, attempts, size, step, not_before] :
       rows.rows<ChunkId, std::int64_t, int, int, Step, LedgerTime>(job_, full.members, full.addresses)) {
    const int its_full = step == Step::invite ? full.members : full.addresses;
    waiting.push_back({chunk, target_no, attempts, not_before, size, its_full});
  }
  for (auto first = waiting.begin(); first != waiting.end();) {
    const auto end = std::find_if(first, waiting.end(), [&](const Waiting& next) { return !next.is_alike(*first); });
    repack_alike(transaction, {first, end}, static_cast<std::size_t>(first->full));
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
  std::vector<MemberLine> open;  // members taken out of chunks and not yet in a new one
  for (const ChunkId id : small) {
    const Chunk chunk = empty_into(transaction, id, open);
    while (open.size() >= chunk_size || (id == small.back() && !open.empty())) {
      const auto end = open.begin() + static_cast<std::ptrdiff_t>(std::min(open.size(), chunk_size));
      std::sort(open.begin(), end);
      Fate fate;
      fate.attempts = chunk.attempts;
      fate.not_before = chunk.not_before;
      if (chunk.failed_before()) fate.reason = Reason::no_member;
      insert(chunk.target_no, {open.begin(), end}, fate);
      open.erase(open.begin(), end);
    }
  }
}

Chunk Chunks::empty_into(Transaction& transaction, ChunkId id, std::vector<MemberLine>& into) {
  Chunk chunk = read(id);
  const auto its_lines = lines(chunk);
  for (std::size_t member = 0; member < chunk.ids.size(); ++member)
    into.emplace_back(chunk.ids[member], its_lines[member]);
  remove(transaction, id);
  return chunk;
}

std::vector<ChunkId> Chunks::part(Transaction& transaction, const Chunk& chunk, const std::vector<Piece>& pieces) {
  const Standing standing = this->standing(chunk);
  auto chunks = divide(transaction, chunk, pieces, standing.run, standing.updated_at);
  const bool was_asked = is_asked(chunk.id);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto& next = pieces[i].next_step;
    const std::int64_t target_no = next ? move_on(transaction, chunks[i], chunk.target_no, *next) : chunk.target_no;
    if (was_asked) asked_[chunks[i]] = {target_no, pieces[i].size_of(chunk)};
  }
  return chunks;
}

// The members that are not enough yet stand in a chunk of their own all the time, on disk like all others.
void Chunks::gather(Transaction& transaction, std::int64_t target_no, std::vector<MemberLine> members,
                    std::size_t full) {
  if (const auto open = gathering_.find(target_no); open != gathering_.end()) {
    empty_into(transaction, open->second, members);
    gathering_.erase(open);
  }
  std::sort(members.begin(), members.end());
  Fate fate;
  fate.not_before = gathered;
  for (auto first = members.begin(); first != members.end();) {
    const auto left = static_cast<std::size_t>(members.end() - first);
    const auto end = first + static_cast<std::ptrdiff_t>(std::min(left, full));
    const ChunkId chunk = insert(target_no, {first, end}, fate);
    if (left < full) gathering_[target_no] = chunk;
    first = end;
  }
}

bool Chunks::are_addresses_due() {
  return prepared_.addresses_due.the<bool>(job_);
}

void Chunks::remove(Transaction&, ChunkId chunk) {
  prepared_.keep_asked.run(chunk);
  prepared_.remove.run(chunk);
  asked_.erase(chunk);
}

ChunkId Chunks::insert(std::int64_t target_no, std::span<const MemberLine> members, const Fate& fate) {
  std::vector<MemberId> ids;
  std::vector<std::uint64_t> lines;
  for (const auto& [id, line] : members) {
    ids.push_back(id);
    lines.push_back(line);
  }
  return insert(target_no, ids, encode_lines(lines), fate, std::nullopt, std::nullopt);
}

}  // namespace convoke
