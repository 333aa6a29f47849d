#include "ledger/chunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace convoke {
namespace {

// What write_fate() gives the first parameters, and standing() reads.
constexpr const char* fate_columns = R"sql(
    outcome, not_before, attempts, tries, missing, quiet, doubt, gone, reason, http_status, error, run_id, updated_at,
    participant_id, participant_status, invited_at, started_at, completed_at, unenrolled_at, last_activity_at,
    completion_rate, profile
)sql";
constexpr const char* fate_values = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";

template <class... More>
void write_fate(Statement& statement, const Fate& fate, std::optional<RunId> run, std::optional<WallTime> now,
                const More&... more) {
  const ParticipantColumns& columns = fate.participants;
  statement.run(fate.outcome, fate.not_before, fate.attempts, fate.tries, fate.missing, fate.quiet, fate.doubt,
                fate.gone, fate.reason, OrNull(fate.http_status), OrNull(fate.error), run, now,
                OrNull(columns.participant_id), OrNull(columns.participant_status), OrNull(columns.invited_at),
                OrNull(columns.started_at), OrNull(columns.completed_at), OrNull(columns.unenrolled_at),
                OrNull(columns.last_activity_at), OrNull(columns.completion_rate), OrNull(columns.profile), more...);
}

void take_out(std::map<std::int64_t, ChunkId>& on_trial, ChunkId chunk) {
  std::erase_if(on_trial, [&](const auto& trial) { return trial.second == chunk; });
}

template <class Value>
std::vector<Value> picked(const std::vector<Value>& values, const std::vector<std::uint32_t>& members) {
  std::vector<Value> out;
  out.reserve(members.size());
  for (const auto member : members) out.push_back(values[member]);
  return out;
}

}  // namespace

std::string encode_lines(const std::vector<std::uint64_t>& lines) {
  std::string text;
  text.reserve(lines.size() * 9 + 2);
  char digits[20];
  for (const auto line : lines) {
    text += text.empty() ? '[' : ',';
    text.append(digits, std::to_chars(digits, digits + sizeof digits, line).ptr);
  }
  return text + ']';
}

std::vector<std::uint64_t> decode_lines(std::string_view text) {
  std::vector<std::uint64_t> lines;
  const char* at = text.data() + 1;
  const char* end = text.data() + text.size();
  while (at < end) {
    std::uint64_t line = 0;
    at = std::from_chars(at, end, line).ptr + 1;
    lines.push_back(line);
  }
  return lines;
}

Piece Standing::piece(std::size_t first, std::size_t end) const {
  Piece piece;
  piece.members.resize(end - first);
  std::iota(piece.members.begin(), piece.members.end(), static_cast<std::uint32_t>(first));
  piece.fate = picked(fate, piece.members);
  return piece;
}

// Those that are due are looked for in the index alone: what is passed over is not read.
Chunks::Prepared::Prepared(Database& database)
    : due(database, R"sql(
        SELECT chunk_id, target_no FROM chunk INDEXED BY chunk_due
        WHERE job_id = ? AND outcome = 'pending' AND not_before <= ?
        ORDER BY not_before DESC, chunk_id
      )sql"),
      last_due(database, R"sql(
        SELECT chunk_id, target_no FROM chunk INDEXED BY chunk_due
        WHERE job_id = ? AND outcome = 'pending' AND not_before BETWEEN 0 AND ?
        ORDER BY not_before, chunk_id DESC
      )sql"),
      next_due(database, R"sql(
        SELECT chunk_id, target_no, not_before FROM chunk INDEXED BY chunk_due
        WHERE job_id = ? AND outcome = 'pending'
        ORDER BY not_before, chunk_id DESC
      )sql"),
      read(database, R"sql(
        SELECT target_no, ids, not_before, attempts, tries, missing, quiet, doubt FROM chunk WHERE chunk_id = ?
      )sql"),
      lines(database, "SELECT lines FROM chunk WHERE chunk_id = ?"),
      insert(database, fmt::format("INSERT INTO chunk ({}, job_id, target_no, size, ids, lines) "
                                   "VALUES ({}, ?, ?, ?, ?, ?)",
                                   fate_columns, fate_values)),
      settle(database, fmt::format("UPDATE chunk SET ({}) = ({}) WHERE chunk_id = ?", fate_columns, fate_values)),
      shrink(database, "UPDATE chunk SET size = ?, ids = ?, lines = ? WHERE chunk_id = ?"),
      keep_asked(database, R"sql(
        UPDATE call SET ids = (SELECT ids FROM chunk WHERE chunk_id = ?1) WHERE chunk_id = ?1 AND ids IS NULL
      )sql"),
      remove(database, "DELETE FROM chunk WHERE chunk_id = ?"),
      target(database, "SELECT kind, id, accepted, step FROM target WHERE target_no = ?"),
      addresses_due(database, R"sql(
        SELECT EXISTS (SELECT 1 FROM chunk INDEXED BY chunk_due CROSS JOIN target USING (target_no)
                       WHERE chunk.job_id = ? AND outcome = 'pending' AND step <> 'invite')
      )sql"),
      target_at(database, "SELECT target_no FROM target WHERE job_id = ? AND kind = ? AND id = ? AND step = ?") {}

Chunks::Chunks(Database& database, JobId job) : database_(database), job_(job), prepared_(database) {}

// From the end, too, what an earlier run had no answer for comes last.
Chunks::Due Chunks::due(Transaction& transaction, LedgerTime now, Pick pick) {
  std::optional<Due::Rows> first;
  if (pick == Pick::last_of_list) first.emplace(prepared_.last_due.rows<ChunkId, std::int64_t>(job_, now));
  return {*this, transaction, std::move(first), prepared_.due.rows<ChunkId, std::int64_t>(job_, now)};
}

std::optional<std::tuple<ChunkId, std::int64_t>> Chunks::Due::next_row() {
  if (first_) {
    if (auto row = first_->next()) return row;
  }
  return rows_.next();
}

std::optional<Chunk> Chunks::Due::claim(Most most, Wanted wanted) {
  while (const auto row = next_row()) {
    const auto [id, target_no] = *row;
    if (chunks_.is_passed_over(id, target_no)) continue;
    if (!wanted.fresh && !chunks_.is_asked(id)) continue;
    Chunk found = chunks_.read(id);
    if (!wanted.retries && found.tries > 0) continue;
    const bool are_members = chunks_.target(found.target_no).step == Step::invite;
    const int largest = are_members ? most.members : most.addresses;
    if (found.ids.size() > static_cast<std::size_t>(largest)) found = chunks_.cut(transaction_, found, largest);
    chunks_.in_flight_.insert(found.id);
    if (!chunks_.is_accepted(found.target_no)) chunks_.on_trial_.emplace(found.target_no, found.id);
    return found;
  }
  return std::nullopt;
}

bool Chunks::is_passed_over(ChunkId chunk, std::int64_t target_no) const {
  const auto gathering = gathering_.find(target_no);
  if (!asked_targets_.empty() && !asked_targets_.contains(target_no)) return true;
  return in_flight_.contains(chunk) || refused_targets_.contains(target_no) || on_trial_.contains(target_no) ||
         (gathering != gathering_.end() && gathering->second == chunk);
}

void Chunks::put_back(ChunkId chunk) {
  in_flight_.erase(chunk);
  take_out(on_trial_, chunk);
}

bool Chunks::is_accepted(std::int64_t target_no) {
  if (accepted_targets_.contains(target_no)) return true;
  const auto target = prepared_.target.row<TargetKind, std::string, bool, Step>(target_no);
  const bool accepted = target && std::get<bool>(*target);
  if (accepted) accepted_targets_.insert(target_no);
  return accepted;
}

void Chunks::accept_target(Transaction& transaction, std::int64_t target_no) {
  if (is_accepted(target_no)) return;
  Statement(transaction, "UPDATE target SET accepted = 1 WHERE target_no = ?").run(target_no);
  on_trial_.erase(target_no);
}

Target Chunks::target(std::int64_t target_no) {
  auto [kind, id, accepted, step] = prepared_.target.the<TargetKind, std::string, bool, Step>(target_no);
  return {kind, std::move(id), step};
}

std::int64_t Chunks::target_at(Transaction& transaction, std::int64_t target_no, Step step) {
  const Target of = target(target_no);
  if (of.step == step) return target_no;
  if (const auto found = prepared_.target_at.row<std::int64_t>(job_, of.kind, of.id, step)) return *found;
  return Statement(transaction, "INSERT INTO target (job_id, kind, id, step) VALUES (?, ?, ?, ?)")
      .insert(job_, of.kind, of.id, step);
}

std::map<std::int64_t, std::int64_t> Chunks::due_of_refused_targets() {
  std::map<std::int64_t, std::int64_t> due;
  if (refused_targets_.empty()) return due;
  Statement sums(database_, R"sql(
    SELECT target_no, sum(size) FROM chunk WHERE job_id = ? AND outcome = 'pending' GROUP BY 1
  )sql");
  for (const auto& [target_no, members] : sums.rows<std::int64_t, std::int64_t>(job_)) {
    if (refused_targets_.contains(target_no)) due.emplace(target_no, members);
  }
  return due;
}

std::int64_t Chunks::asked_and_due() const {
  std::int64_t members = 0;
  for (const auto& [chunk, asked] : asked_) {
    if (!in_flight_.contains(chunk) && !refused_targets_.contains(asked.target_no)) members += asked.size;
  }
  return members;
}

std::optional<LedgerTime> Chunks::next_due(Wanted wanted) {
  for (const auto& [chunk, target_no, not_before] : prepared_.next_due.rows<ChunkId, std::int64_t, LedgerTime>(job_)) {
    if (!is_passed_over(chunk, target_no) && (wanted.fresh || is_asked(chunk))) return not_before;
  }
  return std::nullopt;
}

Chunk Chunks::read(ChunkId id) {
  auto row = prepared_.read.row<std::int64_t, std::vector<MemberId>, LedgerTime, int, int, int, bool, bool>(id);
  if (!row) throw damaged_ledger(database_, fmt::format("chunk {} is not in it", id));
  Chunk chunk;
  chunk.id = id;
  std::tie(chunk.target_no, chunk.ids, chunk.not_before, chunk.attempts, chunk.tries, chunk.missing, chunk.quiet,
           chunk.doubt) = std::move(*row);
  return chunk;
}

Standing Chunks::standing(Chunk chunk) {
  Standing standing;
  Fate& fate = standing.fate;
  ParticipantColumns& columns = fate.participants;
  using Text = std::string;
  std::tie(fate.outcome, fate.not_before, fate.attempts, fate.tries, fate.missing, fate.quiet, fate.doubt, fate.gone,
           fate.reason, fate.http_status, fate.error, standing.run, standing.updated_at, columns.participant_id,
           columns.participant_status, columns.invited_at, columns.started_at, columns.completed_at,
           columns.unenrolled_at, columns.last_activity_at, columns.completion_rate, columns.profile) =
      Statement(database_, fmt::format("SELECT {} FROM chunk WHERE chunk_id = ?", fate_columns))
          .the<Outcome, LedgerTime, int, int, int, bool, bool, bool, Reason, int, Text, std::optional<RunId>,
               std::optional<WallTime>, Text, Text, Text, Text, Text, Text, Text, Text, Text>(chunk.id);
  standing.chunk = std::move(chunk);
  return standing;
}

std::vector<std::uint64_t> Chunks::lines(const Chunk& chunk) {
  auto lines = decode_lines(prepared_.lines.the<std::string>(chunk.id));
  if (lines.size() != chunk.ids.size()) {
    throw damaged_ledger(database_,
                         fmt::format("chunk {} has {} members and {} lines", chunk.id, chunk.ids.size(), lines.size()));
  }
  return lines;
}

void Chunks::set_lines(Transaction& transaction, ChunkId chunk, const std::vector<std::uint64_t>& lines) {
  Statement(transaction, "UPDATE chunk SET lines = ? WHERE chunk_id = ?").run(encode_lines(lines), chunk);
}

ChunkId Chunks::insert(std::int64_t target_no, const std::vector<MemberId>& ids, const std::string& lines,
                       const Fate& fate, std::optional<RunId> run, std::optional<WallTime> now) {
  write_fate(prepared_.insert, fate, run, now, job_, target_no, ids.size(), ids, lines);
  return database_.handle().getLastInsertRowid();
}

std::vector<ChunkId> Chunks::divide(Transaction&, const Chunk& chunk, const std::vector<Piece>& pieces,
                                    std::optional<RunId> run, std::optional<WallTime> now) {
  std::vector<ChunkId> chunks;
  std::vector<std::uint64_t> all_lines;
  for (const Piece& piece : pieces) {
    const bool whole = piece.members.empty();
    if (whole && pieces.size() != 1) throw Error(Exit::defect, "a chunk's pieces overlap");
    if (!whole) {
      if (all_lines.empty()) all_lines = lines(chunk);
      const auto ids = picked(chunk.ids, piece.members);
      const std::string its_lines = encode_lines(picked(all_lines, piece.members));
      if (!chunks.empty()) {
        chunks.push_back(insert(chunk.target_no, ids, its_lines, piece.fate, run, now));
        continue;
      }
      prepared_.keep_asked.run(chunk.id);
      prepared_.shrink.run(ids.size(), ids, its_lines, chunk.id);
    }
    write_fate(prepared_.settle, piece.fate, run, now, chunk.id);
    chunks.push_back(chunk.id);
  }
  return chunks;
}

Chunk Chunks::cut(Transaction& transaction, const Chunk& chunk, int first_members) {
  const Standing standing = this->standing(chunk);
  const auto at = static_cast<std::size_t>(first_members);
  const auto chunks = divide(transaction, chunk, {standing.piece(0, at), standing.piece(at, chunk.ids.size())},
                             standing.run, standing.updated_at);
  if (const auto asked = asked_.find(chunk.id); asked != asked_.end()) {
    asked_[chunks[1]] = {chunk.target_no, asked->second.size - first_members};
    asked->second.size = first_members;
  }
  Chunk first = chunk;
  first.ids.resize(at);
  return first;
}

std::int64_t Chunks::move_on(Transaction& transaction, ChunkId chunk, std::int64_t target_no, Step step) {
  const std::int64_t next = target_at(transaction, target_no, step);
  Statement(transaction, "UPDATE chunk SET target_no = ? WHERE chunk_id = ?").run(next, chunk);
  return next;
}

std::vector<ChunkId> Chunks::record(Transaction& transaction, const Chunk& chunk, const std::vector<Piece>& pieces,
                                    std::optional<RunId> run, WallTime now) {
  auto chunks = divide(transaction, chunk, pieces, run, now);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::int64_t target_no = chunk.target_no;
    if (pieces[i].next_step) {
      target_no = move_on(transaction, chunks[i], target_no, *pieces[i].next_step);
    }
    if (pieces[i].fate.outcome == Outcome::pending) {
      asked_[chunks[i]] = {target_no, pieces[i].size_of(chunk)};
    } else {
      asked_.erase(chunks[i]);
    }
  }
  put_back(chunk.id);
  return chunks;
}

std::int64_t Chunks::make_due(Transaction& transaction, const std::vector<Outcome>& outcomes,
                              std::optional<RunId> only_of_run, Reason only_reason) {
  Statement update(transaction, R"sql(
    UPDATE chunk SET outcome = 'pending', not_before = iif(outcome IN ('failed', 'unknown'), -1, 0), tries = 0,
           missing = 0, reason = iif(outcome = 'unknown', reason, NULL), http_status = NULL, error = NULL
    WHERE job_id = ?1 AND outcome = ?2 AND gone = 0 AND (?3 IS NULL OR run_id = ?3) AND (?4 IS NULL OR reason = ?4)
    RETURNING size
  )sql");
  std::int64_t members = 0;
  for (const Outcome outcome : outcomes) {
    for (const auto size : update.rows<std::int64_t>(job_, outcome, only_of_run, only_reason)) members += size;
  }
  return members;
}

void Chunks::forget_tries(Transaction& transaction) {
  asked_.clear();
  // What a run gathered that is no more is packed like all that is due.
  Statement(transaction, "UPDATE chunk SET not_before = 0 WHERE job_id = ? AND outcome = 'pending' AND not_before = ?")
      .run(job_, gathered);
  Statement(transaction, R"sql(
    UPDATE chunk SET tries = 0, not_before = -2 WHERE job_id = ? AND outcome = 'pending' AND tries > 0
  )sql")
      .run(job_);
}

}  // namespace convoke
