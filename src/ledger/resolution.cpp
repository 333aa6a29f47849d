#include "ledger/resolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace convoke {

Resolution::Resolution(Database& database, JobId job, Chunks& chunks)
    : database_(database), job_(job), chunks_(chunks), book_(&database), look_up_size_(book_.batch()) {}

void Resolution::begin(std::size_t full) {
  texts_.reset();
  database_.write([&](Transaction& transaction) {
    look_up_first(transaction);
    take_over_known(transaction, full);
    chunks_.end_gathering();
  });
  listed_.reset();
}

void Resolution::look_up_first(Transaction& transaction) {
  std::vector<std::pair<ChunkId, std::int64_t>> to_make;
  Statement rows(transaction, R"sql(
    SELECT chunk_id, target_no FROM chunk JOIN target USING (target_no) WHERE chunk.job_id = ? AND step = 'create'
  )sql");
  for (const auto& [chunk, target_no] : rows.rows<ChunkId, std::int64_t>(job_)) to_make.emplace_back(chunk, target_no);
  for (const auto& [chunk, target_no] : to_make) chunks_.move_on(transaction, chunk, target_no, Step::look_up);
}

void Resolution::take_over_known(Transaction& transaction, std::size_t full) {
  std::vector<ChunkId> chunks;
  Statement rows(transaction, R"sql(
    SELECT chunk_id FROM chunk JOIN target USING (target_no)
    WHERE chunk.job_id = ? AND step <> 'invite' AND gone = 0
  )sql");
  for (const ChunkId chunk : rows.rows<ChunkId>(job_)) chunks.push_back(chunk);
  for (const ChunkId chunk : chunks) sift(transaction, chunks_.read(chunk), {}, {}, full);
}

void Resolution::add(std::uint64_t line, std::string_view address) {
  if (!texts_) texts_.emplace(database_.path().parent_path());
  texts_->add(line, address);
}

void Resolution::end_reading(int look_up_size) {
  look_up_size_ = look_up_size;
  if (texts_) texts_->end_adding();
  listed_.reset();
}

std::vector<std::string> Resolution::addresses(const Chunk& chunk) {
  std::vector<std::string> addresses;
  for (const auto line : chunks_.lines(chunk)) {
    auto address = texts_ ? texts_->at(line) : std::nullopt;
    if (!address) throw Error(Exit::defect, fmt::format("the address of line {} was not read", line));
    addresses.push_back(std::move(*address));
  }
  return addresses;
}

std::optional<Chunk> Resolution::still_to_ask(Transaction& transaction, Chunk chunk, WallTime since, LedgerTime later,
                                              std::size_t full) {
  const std::size_t asked = chunk.ids.size();
  auto left = sift(transaction, std::move(chunk), since, later, full);
  const bool is_whole = left && left->ids.size() == asked;
  if (!is_whole && !chunks_.are_addresses_due()) chunks_.end_gathering();
  return left;
}

std::optional<Chunk> Resolution::sift(Transaction& transaction, Chunk chunk, WallTime since, LedgerTime later,
                                      std::size_t full) {
  const bool makes = chunks_.target(chunk.target_no).step == Step::create;
  const auto made = makes ? maybe_made(transaction, chunk, since) : std::vector<MemberId>{};
  Piece rest;
  Piece known;
  Piece held;
  for (std::uint32_t at = 0; at < chunk.ids.size(); ++at) {
    const auto member = book_.find(chunk.ids[at]);
    const bool is_held = std::binary_search(made.begin(), made.end(), chunk.ids[at]);
    (member ? known : is_held ? held : rest).members.push_back(at);
    if (member) known.resolved.push_back(*member);
  }
  if (rest.members.size() == chunk.ids.size()) return chunk;
  const bool is_anybody_left = !rest.members.empty();
  const bool is_anybody_known = !known.members.empty();
  rest.fate = known.fate = held.fate = chunks_.standing(chunk).fate;
  held.fate.not_before = later;
  held.fate.doubt = true;
  held.next_step = Step::look_up;
  std::vector<Piece> pieces;
  for (Piece* piece : {&rest, &held, &known}) {
    if (!piece->members.empty()) pieces.push_back(std::move(*piece));
  }
  const auto parts = chunks_.part(transaction, chunk, pieces);
  if (!is_anybody_left) chunks_.put_back(chunk.id);
  if (is_anybody_known) settle(transaction, parts.back(), pieces.back().resolved, full);
  return is_anybody_left ? std::optional(chunks_.read(chunk.id)) : std::nullopt;
}

// Whoever is in doubt already was looked up since that doubt: only a call that is under way now counts.
std::vector<MemberId> Resolution::maybe_made(Transaction& transaction, const Chunk& chunk, WallTime since) {
  std::vector<MemberId> made;
  Statement open(transaction, R"sql(
    SELECT ifnull(call.ids, chunk.ids) FROM call INDEXED BY call_open LEFT JOIN chunk USING (chunk_id)
    WHERE open = 1 AND call.step = 'create' AND (sent_at > ? OR NOT ?)
  )sql");
  for (const auto& ids : open.rows<std::vector<MemberId>>(since, chunk.doubt))
    made.insert(made.end(), ids.begin(), ids.end());
  if (!chunk.doubt) {
    Statement doubtful(transaction, R"sql(
      SELECT ids FROM chunk INDEXED BY chunk_doubt JOIN target USING (target_no) WHERE doubt = 1 AND step <> 'invite'
    )sql");
    for (const auto& ids : doubtful.rows<std::vector<MemberId>>()) made.insert(made.end(), ids.begin(), ids.end());
  }
  std::sort(made.begin(), made.end());
  return made;
}

void Resolution::settle(Transaction& transaction, ChunkId id, const std::vector<MemberId>& members, std::size_t full) {
  know_the_list();
  const Chunk chunk = chunks_.read(id);
  const auto lines = chunks_.lines(chunk);
  const std::int64_t target_no = chunks_.target_at(transaction, chunk.target_no, Step::invite);
  std::vector<MemberLine> fresh;
  std::vector<MemberLine> back;
  std::int64_t duplicates = 0;
  for (std::size_t at = 0; at < members.size(); ++at) {
    book_.note(transaction, chunk.ids[at], members[at]);
    const MemberLine member{members[at], lines[at]};
    const Presence presence = listed_->add(target_no, members[at], Presence::listed);
    if (presence == Presence::absent) fresh.push_back(member);
    if (presence == Presence::listed) ++duplicates;
    if (presence == Presence::gone) back.push_back(member);
  }
  chunks_.remove(transaction, id);
  if (!back.empty()) bring_back(transaction, target_no, std::move(back), fresh);
  if (duplicates > 0)
    Statement(transaction, "UPDATE job SET duplicates = duplicates + ? WHERE job_id = ?").run(duplicates, job_);
  chunks_.gather(transaction, target_no, std::move(fresh), full);
}

void Resolution::know_the_list() {
  if (listed_) return;
  listed_.emplace();
  Statement rows(database_, R"sql(
    SELECT target_no, ids, gone FROM chunk JOIN target USING (target_no) WHERE chunk.job_id = ? AND step = 'invite'
  )sql");
  for (const auto& [target_no, ids, gone] : rows.rows<std::int64_t, std::vector<MemberId>, bool>(job_)) {
    for (const MemberId& member : ids) listed_->add(target_no, member, gone ? Presence::gone : Presence::listed);
  }
}

// They had left the list, and stand in it again by addresses. Who is due by that goes out with the others.
void Resolution::bring_back(Transaction& transaction, std::int64_t target_no, std::vector<MemberLine> back,
                            std::vector<MemberLine>& fresh) {
  std::sort(back.begin(), back.end());
  Statement rows(transaction, "SELECT chunk_id, ids FROM chunk WHERE job_id = ? AND target_no = ? AND gone = 1");
  std::map<ChunkId, std::vector<std::pair<std::uint32_t, std::uint64_t>>> found;  // places in it, and lines
  for (const auto& [id, ids] : rows.rows<ChunkId, std::vector<MemberId>>(job_, target_no)) {
    for (std::uint32_t at = 0; at < ids.size(); ++at) {
      const auto member = std::lower_bound(back.begin(), back.end(), MemberLine{ids[at], 0});
      if (member != back.end() && member->first == ids[at]) found[id].emplace_back(at, member->second);
    }
  }
  for (const auto& [id, members] : found) {
    const Standing standing = chunks_.standing(chunks_.read(id));
    auto lines = chunks_.lines(standing.chunk);
    Piece stay;
    Piece returns;
    std::vector<MemberLine> returning;
    for (const auto& [at, line] : members) {
      lines[at] = line;
      returns.members.push_back(at);
      returning.emplace_back(standing.chunk.ids[at], line);
      listed_->bring_back(target_no, standing.chunk.ids[at]);
    }
    for (std::uint32_t at = 0; at < standing.chunk.ids.size(); ++at) {
      if (!std::binary_search(returns.members.begin(), returns.members.end(), at)) stay.members.push_back(at);
    }
    chunks_.set_lines(transaction, id, lines);
    returns.fate = picked(standing.fate.back(), returns.members);
    stay.fate = picked(standing.fate, stay.members);
    const Fate fate = returns.fate;
    std::vector<Piece> pieces;
    if (!stay.members.empty()) pieces.push_back(std::move(stay));
    pieces.push_back(std::move(returns));
    const ChunkId part = chunks_.divide(transaction, standing.chunk, pieces, standing.run, standing.updated_at).back();
    const bool is_as_new = fate.outcome == Outcome::pending && fate.attempts == 0 && !fate.quiet && !fate.doubt;
    if (!is_as_new) continue;
    chunks_.remove(transaction, part);
    fresh.insert(fresh.end(), returning.begin(), returning.end());
  }
}

}  // namespace convoke
