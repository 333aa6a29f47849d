#include "ledger/chunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "ledger/stored_time.h"

namespace convoke {
namespace {

void bind_text(SQLite::Statement& statement, int index, const std::string& text) {
  if (text.empty()) {
    statement.bind(index);
  } else {
    statement.bindNoCopy(index, text);
  }
}

// The parameters ?1 to ?22 that both writing statements share.
void bind_fate(SQLite::Statement& statement, const Fate& fate, std::optional<RunId> run, std::optional<WallTime> now) {
  statement.bindNoCopy(1, name_of(fate.outcome).data());
  statement.bind(2, micros(fate.not_before));
  statement.bind(3, fate.attempts);
  statement.bind(4, fate.tries);
  statement.bind(5, fate.missing);
  statement.bind(6, fate.quiet ? 1 : 0);
  fate.http_status == 0 ? statement.bind(7) : statement.bind(7, fate.http_status);
  bind_text(statement, 8, fate.error);
  run ? statement.bind(9, *run) : statement.bind(9);
  now ? statement.bind(10, millis(*now)) : statement.bind(10);
  const ParticipantColumns& columns = fate.participants;
  bind_text(statement, 11, columns.participant_id);
  bind_text(statement, 12, columns.participant_status);
  bind_text(statement, 13, columns.invited_at);
  bind_text(statement, 14, columns.started_at);
  bind_text(statement, 15, columns.completed_at);
  bind_text(statement, 16, columns.unenrolled_at);
  bind_text(statement, 17, columns.last_activity_at);
  bind_text(statement, 18, columns.completion_rate);
  bind_text(statement, 19, columns.profile);
  statement.bind(20, fate.gone ? 1 : 0);
  fate.reason == Reason::none ? statement.bind(21) : statement.bindNoCopy(21, name_of(fate.reason).data());
  statement.bind(22, fate.doubt ? 1 : 0);
}

void take_out(std::map<std::int64_t, ChunkId>& on_trial, ChunkId chunk) {
  std::erase_if(on_trial, [&](const auto& trial) { return trial.second == chunk; });
}

Chunk chunk_of(SQLite::Statement& row) {
  const History history{row.getColumn(3).getInt(), row.getColumn(4).getInt(), row.getColumn(5).getInt(),
                        row.getColumn(6).getInt() != 0, row.getColumn(7).getInt() != 0};
  return {history, row.getColumn(0).getInt64(), row.getColumn(1).getInt64(), ids_of(row.getColumn(2)),
          LedgerTime(Duration(row.getColumn(8).getInt64()))};
}

template <class Value>
std::vector<Value> picked(const std::vector<Value>& values, const std::vector<std::uint32_t>& members) {
  std::vector<Value> out;
  out.reserve(members.size());
  for (const auto member : members) out.push_back(values[member]);
  return out;
}

}  // namespace

void bind_ids(SQLite::Statement& statement, int index, const std::vector<MemberId>& ids) {
  statement.bindNoCopy(index, ids.data(), static_cast<int>(ids.size() * sizeof(MemberId)));
}

std::vector<MemberId> ids_of(const SQLite::Column& column) {
  std::vector<MemberId> ids(static_cast<std::size_t>(column.getBytes()) / sizeof(MemberId));
  if (!ids.empty()) std::memcpy(ids.data(), column.getBlob(), ids.size() * sizeof(MemberId));
  return ids;
}

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

Chunks::Chunks(Database& database, JobId job)
    : database_(database),
      job_(job),
      due_(database.handle(),
           "SELECT chunk_id, course_no, ids, attempts, tries, missing, quiet, doubt, not_before FROM chunk INDEXED BY "
           "chunk_due "
           "WHERE job_id = ?1 AND outcome = 'pending' AND not_before <= ?2 ORDER BY not_before DESC, chunk_id"),
      last_due_(database.handle(),
                "SELECT chunk_id, course_no, ids, attempts, tries, missing, quiet, doubt, not_before FROM chunk "
                "INDEXED BY chunk_due "
                "WHERE job_id = ?1 AND outcome = 'pending' AND not_before BETWEEN 0 AND ?2 "
                "ORDER BY not_before, chunk_id DESC"),
      next_due_(database.handle(),
                "SELECT chunk_id, not_before, course_no FROM chunk INDEXED BY chunk_due WHERE job_id = ? AND outcome = "
                "'pending' "
                "ORDER BY not_before, chunk_id DESC"),
      read_(database.handle(),
            "SELECT chunk_id, course_no, ids, attempts, tries, missing, quiet, doubt, not_before FROM chunk WHERE "
            "chunk_id = ?"),
      lines_(database.handle(), "SELECT lines FROM chunk WHERE chunk_id = ?"),
      insert_(
          database.handle(),
          "INSERT INTO chunk (outcome, not_before, attempts, tries, missing, quiet, http_status, error, run_id, "
          "updated_at, "
          "participant_id, participant_status, invited_at, started_at, completed_at, unenrolled_at, last_activity_at, "
          "completion_rate, profile, gone, reason, doubt, job_id, course_no, size, ids, lines) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      keep_asked_(
          database.handle(),
          "UPDATE call SET ids = (SELECT ids FROM chunk WHERE chunk_id = ?1) WHERE chunk_id = ?1 AND ids IS NULL"),
      shrink_(database.handle(), "UPDATE chunk SET size = ?2, ids = ?3, lines = ?4 WHERE chunk_id = ?1"),
      settle_(database.handle(),
              "UPDATE chunk SET outcome = ?1, not_before = ?2, attempts = ?3, tries = ?4, missing = ?5, quiet = ?6, "
              "http_status = ?7, error = ?8, run_id = ?9, updated_at = ?10, participant_id = ?11, participant_status = "
              "?12, "
              "invited_at = ?13, started_at = ?14, completed_at = ?15, unenrolled_at = ?16, last_activity_at = ?17, "
              "completion_rate = ?18, profile = ?19, gone = ?20, reason = ?21, doubt = ?22 WHERE chunk_id = ?23"),
      course_(database.handle(), "SELECT course_id FROM course WHERE course_no = ?"),
      accepted_(database.handle(), "SELECT accepted FROM course WHERE course_no = ?") {}

Chunks::Due Chunks::due(LedgerTime now, Pick pick) {
  return {*this, now, pick};
}

Chunks::Due::Due(Chunks& chunks, LedgerTime now, Pick pick)
    : chunks_(chunks),
      now_(now),
      rows_(pick == Pick::last_of_list ? &chunks.last_due_ : &chunks.due_),
      is_from_the_end_(pick == Pick::last_of_list) {
  rows_->bind(1, chunks_.job_);
  rows_->bind(2, micros(now_));
}

// From the end, too, what an earlier run had no answer for comes last.
bool Chunks::Due::next_row() {
  if (rows_->executeStep()) return true;
  if (!is_from_the_end_) return false;
  is_from_the_end_ = false;
  rows_->reset();
  rows_ = &chunks_.due_;
  rows_->bind(1, chunks_.job_);
  rows_->bind(2, micros(now_));
  return rows_->executeStep();
}

std::optional<Chunk> Chunks::Due::claim(int most_members, bool with_retries, bool with_fresh) {
  while (next_row()) {
    if (chunks_.is_passed_over(rows_->getColumn(0).getInt64(), rows_->getColumn(1).getInt64())) continue;
    if (!with_retries && rows_->getColumn(4).getInt() > 0) continue;
    Chunk found = chunk_of(*rows_);
    if (!with_fresh && !chunks_.is_asked(found.id)) continue;
    if (found.ids.size() > static_cast<std::size_t>(most_members)) found = chunks_.cut(std::move(found), most_members);
    chunks_.in_flight_.insert(found.id);
    if (!chunks_.is_accepted(found.course_no)) chunks_.on_trial_.emplace(found.course_no, found.id);
    return found;
  }
  return std::nullopt;
}

bool Chunks::is_passed_over(ChunkId chunk, std::int64_t course_no) const {
  return in_flight_.contains(chunk) || refused_courses_.contains(course_no) || on_trial_.contains(course_no);
}

void Chunks::put_back(ChunkId chunk) {
  in_flight_.erase(chunk);
  take_out(on_trial_, chunk);
}

bool Chunks::is_accepted(std::int64_t course_no) {
  if (accepted_courses_.contains(course_no)) return true;
  accepted_.bind(1, course_no);
  const bool accepted = accepted_.executeStep() && accepted_.getColumn(0).getInt() != 0;
  accepted_.reset();
  if (accepted) accepted_courses_.insert(course_no);
  return accepted;
}

void Chunks::accept_course(std::int64_t course_no) {
  if (is_accepted(course_no)) return;
  SQLite::Statement update(database_.handle(), "UPDATE course SET accepted = 1 WHERE course_no = ?");
  update.bind(1, course_no);
  update.exec();
  on_trial_.erase(course_no);
}

std::map<std::int64_t, std::int64_t> Chunks::due_of_refused_courses() {
  std::map<std::int64_t, std::int64_t> due;
  if (refused_courses_.empty()) return due;
  SQLite::Statement sums(database_.handle(),
                         "SELECT course_no, sum(size) FROM chunk WHERE job_id = ? AND outcome = 'pending' GROUP BY 1");
  sums.bind(1, job_);
  while (sums.executeStep()) {
    const auto course_no = sums.getColumn(0).getInt64();
    if (refused_courses_.contains(course_no)) due.emplace(course_no, sums.getColumn(1).getInt64());
  }
  return due;
}

std::int64_t Chunks::asked_and_due() const {
  std::int64_t members = 0;
  for (const auto& [chunk, asked] : asked_) {
    if (!in_flight_.contains(chunk) && !refused_courses_.contains(asked.course_no)) members += asked.size;
  }
  return members;
}

std::optional<LedgerTime> Chunks::next_due(bool with_fresh) {
  next_due_.bind(1, job_);
  std::optional<LedgerTime> earliest;
  while (!earliest && next_due_.executeStep()) {
    if (!with_fresh && !is_asked(next_due_.getColumn(0).getInt64())) continue;
    if (!is_passed_over(next_due_.getColumn(0).getInt64(), next_due_.getColumn(2).getInt64())) {
      earliest = LedgerTime(Duration(next_due_.getColumn(1).getInt64()));
    }
  }
  next_due_.reset();
  return earliest;
}

Chunk Chunks::read(ChunkId chunk) {
  read_.bind(1, chunk);
  if (!read_.executeStep()) throw damaged_ledger(database_, fmt::format("chunk {} is not in it", chunk));
  Chunk found = chunk_of(read_);
  read_.reset();
  return found;
}

std::vector<std::uint64_t> Chunks::lines(const Chunk& chunk) {
  lines_.bind(1, chunk.id);
  lines_.executeStep();
  auto lines = decode_lines(lines_.getColumn(0).getString());
  lines_.reset();
  if (lines.size() != chunk.ids.size()) {
    throw damaged_ledger(database_,
                         fmt::format("chunk {} has {} members and {} lines", chunk.id, chunk.ids.size(), lines.size()));
  }
  return lines;
}

ChunkId Chunks::insert(std::int64_t course_no, const std::vector<MemberId>& ids, const std::string& lines,
                       const Fate& fate, std::optional<RunId> run, std::optional<WallTime> now) {
  bind_fate(insert_, fate, run, now);
  insert_.bind(23, job_);
  insert_.bind(24, course_no);
  insert_.bind(25, static_cast<std::int64_t>(ids.size()));
  bind_ids(insert_, 26, ids);
  insert_.bindNoCopy(27, lines);
  insert_.exec();
  insert_.reset();
  return database_.handle().getLastInsertRowid();
}

void Chunks::shrink(ChunkId chunk, const std::vector<MemberId>& ids, const std::string& lines) {
  keep_whom_calls_asked(chunk);
  shrink_.bind(1, chunk);
  shrink_.bind(2, static_cast<std::int64_t>(ids.size()));
  bind_ids(shrink_, 3, ids);
  shrink_.bindNoCopy(4, lines);
  shrink_.exec();
  shrink_.reset();
}

void Chunks::keep_whom_calls_asked(ChunkId chunk) {
  keep_asked_.bind(1, chunk);
  keep_asked_.exec();
  keep_asked_.reset();
}

// The first members stay in the chunk; the rest is a chunk of its own, just as due.
Chunk Chunks::cut(Chunk chunk, int first_members) {
  const auto at = static_cast<std::ptrdiff_t>(first_members);
  auto all_lines = lines(chunk);
  const std::vector<MemberId> rest(chunk.ids.begin() + at, chunk.ids.end());
  const std::vector<std::uint64_t> rest_lines(all_lines.begin() + at, all_lines.end());
  const ChunkId other = insert(chunk.course_no, rest, encode_lines(rest_lines), Fate::due(chunk, chunk.not_before),
                               std::nullopt, std::nullopt);
  if (const auto asked = asked_.find(chunk.id); asked != asked_.end()) {
    asked_[other] = {chunk.course_no, static_cast<std::int64_t>(rest.size())};
    asked->second.size = first_members;
  }
  chunk.ids.resize(static_cast<std::size_t>(first_members));
  all_lines.resize(static_cast<std::size_t>(first_members));
  const std::string kept_lines = encode_lines(all_lines);
  shrink(chunk.id, chunk.ids, kept_lines);
  return chunk;
}

void Chunks::record(const Chunk& chunk, const std::vector<Piece>& pieces, std::optional<RunId> run, WallTime now) {
  std::vector<std::uint64_t> all_lines;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    const bool whole = piece.members.empty();
    const auto note_asked = [&](ChunkId id) {
      const auto size = static_cast<std::int64_t>(whole ? chunk.ids.size() : piece.members.size());
      if (piece.fate.outcome == Outcome::pending) {
        asked_[id] = {chunk.course_no, size};
      } else {
        asked_.erase(id);
      }
    };
    if (whole && pieces.size() != 1) throw Error(Exit::defect, "a chunk's pieces overlap");
    if (!whole && all_lines.empty()) all_lines = lines(chunk);
    if (i > 0) {
      note_asked(insert(chunk.course_no, picked(chunk.ids, piece.members),
                        encode_lines(picked(all_lines, piece.members)), piece.fate, run, now));
      continue;
    }
    // The first piece stays where it is.
    if (!whole) {
      const auto ids = picked(chunk.ids, piece.members);
      const std::string kept_lines = encode_lines(picked(all_lines, piece.members));
      shrink(chunk.id, ids, kept_lines);
    }
    note_asked(chunk.id);
    bind_fate(settle_, piece.fate, run, now);
    settle_.bind(23, chunk.id);
    settle_.exec();
    settle_.reset();
  }
  put_back(chunk.id);
}

std::int64_t Chunks::make_due(const std::vector<Outcome>& outcomes, std::optional<RunId> only_of_run,
                              Reason only_reason) {
  std::int64_t members = 0;
  for (const Outcome outcome : outcomes) {
    const std::string where =
        fmt::format("job_id = ?1 AND outcome = ?2 AND gone = 0{}{}", only_of_run ? " AND run_id = ?3" : "",
                    only_reason == Reason::none ? "" : " AND reason = ?4");
    for (const bool counting : {true, false}) {
      SQLite::Statement statement(database_.handle(),
                                  counting ? "SELECT ifnull(sum(size), 0) FROM chunk WHERE " + where
                                           : "UPDATE chunk SET outcome = 'pending', not_before = "
                                             "iif(outcome = 'failed', -1, 0), "
                                             "tries = 0, missing = 0, reason = NULL, http_status = NULL, "
                                             "error = NULL WHERE " +
                                                 where);
      statement.bind(1, job_);
      statement.bind(2, std::string(name_of(outcome)));
      if (only_of_run) statement.bind(3, *only_of_run);
      if (only_reason != Reason::none) statement.bind(4, std::string(name_of(only_reason)));
      if (counting) {
        statement.executeStep();
        members += statement.getColumn(0).getInt64();
      } else {
        statement.exec();
      }
    }
  }
  return members;
}

void Chunks::forget_tries() {
  asked_.clear();
  SQLite::Statement update(
      database_.handle(),
      "UPDATE chunk SET tries = 0, not_before = -2 WHERE job_id = ? AND outcome = 'pending' AND tries > 0");
  update.bind(1, job_);
  update.exec();
}

// Only what waits for nothing and was asked alike is packed together: a chunk's members share their history. Chunks are
// taken in order of their first id, so that packed chunks are ascending again; overlaps are sorted out within one
// chunk.
void Chunks::repack(int chunk_size) {
  SQLite::Statement waiting(
      database_.handle(),
      "SELECT chunk_id, course_no, attempts, size FROM chunk WHERE job_id = ? AND outcome = 'pending' AND "
      "tries = 0 AND missing = 0 AND quiet = 0 AND doubt = 0 AND not_before = 0 ORDER BY course_no, attempts, "
      "chunk_id");
  waiting.bind(1, job_);
  std::vector<std::vector<Waiting>> groups;
  while (waiting.executeStep()) {
    const Waiting next{waiting.getColumn(0).getInt64(), waiting.getColumn(1).getInt64(), waiting.getColumn(2).getInt(),
                       waiting.getColumn(3).getInt()};
    if (groups.empty() || !groups.back().front().is_alike(next)) groups.emplace_back();
    groups.back().push_back(next);
  }
  for (const auto& group : groups) repack(group, chunk_size);
}

void Chunks::repack(const std::vector<Waiting>& group, int chunk_size) {
  // One small chunk among full ones has nobody to be packed with.
  const auto is_small = [&](const Waiting& waiting) { return waiting.size < chunk_size; };
  const auto is_full = [&](const Waiting& waiting) { return waiting.size == chunk_size; };
  const auto small = std::count_if(group.begin(), group.end(), is_small);
  if (small + std::count_if(group.begin(), group.end(), is_full) == static_cast<std::ptrdiff_t>(group.size()) &&
      small <= 1)
    return;
  SQLite::Statement remove(database_.handle(), "DELETE FROM chunk WHERE chunk_id = ?");
  std::vector<std::pair<MemberId, std::uint64_t>> open;  // members taken out of chunks and not yet in a new one
  const auto pack = [&](std::size_t down_to) {
    while (open.size() > down_to) {
      const auto count = static_cast<std::ptrdiff_t>(std::min(open.size(), static_cast<std::size_t>(chunk_size)));
      std::sort(open.begin(), open.begin() + count);
      std::vector<MemberId> ids;
      std::vector<std::uint64_t> lines;
      for (auto member = open.begin(); member != open.begin() + count; ++member) {
        ids.push_back(member->first);
        lines.push_back(member->second);
      }
      Fate fate;
      fate.attempts = group.front().attempts;
      insert(group.front().course_no, ids, encode_lines(lines), fate, std::nullopt, std::nullopt);
      open.erase(open.begin(), open.begin() + count);
    }
  };
  for (const Waiting& waiting : group) {
    if (waiting.size == chunk_size) continue;
    const Chunk chunk = read(waiting.chunk);
    const auto its_lines = lines(chunk);
    for (std::size_t member = 0; member < chunk.ids.size(); ++member)
      open.emplace_back(chunk.ids[member], its_lines[member]);
    keep_whom_calls_asked(waiting.chunk);
    remove.bind(1, waiting.chunk);
    remove.exec();
    remove.reset();
    pack(static_cast<std::size_t>(chunk_size) - 1);
  }
  pack(0);
}

std::string Chunks::course(std::int64_t course_no) {
  course_.bind(1, course_no);
  course_.executeStep();
  std::string name = course_.getColumn(0).getString();
  course_.reset();
  return name;
}

}  // namespace convoke
