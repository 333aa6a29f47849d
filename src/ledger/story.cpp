#include "ledger/story.h"

#include <algorithm>

#include "ledger/chunks.h"

namespace convoke {
namespace {

std::string text_of(const SQLite::Column& column) {
  return column.isNull() ? std::string() : column.getString();
}

std::optional<std::int64_t> number_of(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : std::optional(column.getInt64());
}

// instr() finds the bytes of an id also where two others meet: whether it is a member is for this to say.
bool holds(const SQLite::Column& ids, const MemberId& member) {
  const auto members = ids_of(ids);
  return std::find(members.begin(), members.end(), member) != members.end();
}

void bind_member(SQLite::Statement& statement, int index, const MemberId& member) {
  statement.bind(index, member.bytes.data(), static_cast<int>(member.bytes.size()));
}

std::vector<StoryCall> calls_for(Database& database, JobId job, const Story& story, const MemberId& member) {
  std::vector<StoryCall> calls;
  SQLite::Statement query(
      database.handle(),
      "SELECT call_id, run_id, strftime('%Y-%m-%dT%H:%M:%fZ', sent_at / 1000.0, 'unixepoch'), latency_ms, "
      "http_status, error, size, open, ids FROM call JOIN run USING (run_id) JOIN course USING (course_no) "
      "WHERE run.job_id = ? AND course_id = ? AND (instr(ids, ?) > 0 OR (ids IS NULL AND chunk_id = ?)) ORDER BY "
      "call_id");
  query.bind(1, job);
  query.bind(2, story.course_id);
  bind_member(query, 3, member);
  query.bind(4, story.chunk);
  while (query.executeStep()) {
    if (!query.getColumn(8).isNull() && !holds(query.getColumn(8), member)) continue;
    StoryCall call;
    call.call = query.getColumn(0).getInt64();
    call.run = query.getColumn(1).getInt64();
    call.sent_at = query.getColumn(2).getString();
    call.latency_ms = number_of(query.getColumn(3));
    if (const auto status = number_of(query.getColumn(4))) call.http_status = static_cast<int>(*status);
    call.error = text_of(query.getColumn(5));
    call.members = query.getColumn(6).getInt64();
    call.open = query.getColumn(7).getInt() != 0;
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace

std::vector<Story> story_of(Database& database, JobId job, const MemberId& member) {
  std::vector<Story> stories;
  database.read([&] {
    SQLite::Statement chunks(
        database.handle(),
        "SELECT chunk_id, ids, size FROM chunk WHERE job_id = ? AND instr(ids, ?) > 0 ORDER BY course_no");
    chunks.bind(1, job);
    bind_member(chunks, 2, member);
    SQLite::Statement outcome(
        database.handle(),
        "SELECT course_id, outcome, error, http_status, attempts, source_line, participant_id, participant_status, "
        "updated_at FROM outcomes_of_chunks WHERE chunk_id = ? AND spot_member_id = ?");
    while (chunks.executeStep()) {
      if (!holds(chunks.getColumn(1), member)) continue;
      outcome.bind(1, chunks.getColumn(0).getInt64());
      outcome.bind(2, member.text());
      if (!outcome.executeStep()) continue;
      Story story;
      story.chunk = chunks.getColumn(0).getInt64();
      story.chunk_size = chunks.getColumn(2).getInt64();
      story.course_id = outcome.getColumn(0).getString();
      story.outcome = outcome.getColumn(1).getString();
      story.error = text_of(outcome.getColumn(2));
      if (const auto status = number_of(outcome.getColumn(3))) story.http_status = static_cast<int>(*status);
      story.attempts = outcome.getColumn(4).getInt();
      story.source_line = outcome.getColumn(5).getInt64();
      story.participant_id = text_of(outcome.getColumn(6));
      story.participant_status = text_of(outcome.getColumn(7));
      story.updated_at = text_of(outcome.getColumn(8));
      outcome.reset();
      story.calls = calls_for(database, job, story, member);
      stories.push_back(std::move(story));
    }
  });
  return stories;
}

}  // namespace convoke
