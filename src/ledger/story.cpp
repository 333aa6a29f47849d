#include "ledger/story.h"

#include <algorithm>

#include "ledger/statement.h"

namespace convoke {
namespace {

// instr() finds the bytes of an id also where two others meet: whether it is a member is for this to say.
bool holds(const std::vector<MemberId>& ids, const MemberId& member) {
  return std::find(ids.begin(), ids.end(), member) != ids.end();
}

std::vector<StoryCall> calls_for(Database& database, JobId job, std::int64_t target_no, const Story& story,
                                 const MemberId& member) {
  std::vector<StoryCall> calls;
  Statement query(database, R"sql(
    SELECT ids, call_id, run_id, strftime('%Y-%m-%dT%H:%M:%fZ', sent_at / 1000.0, 'unixepoch'), latency_ms, http_status,
           error, size, open
    FROM call JOIN run USING (run_id)
    WHERE run.job_id = ? AND target_no = ? AND (instr(ids, ?) > 0 OR (ids IS NULL AND chunk_id = ?))
    ORDER BY call_id
  )sql");
  std::optional<std::vector<MemberId>> ids;  // none: they are still the chunk's
  StoryCall call;
  for (auto& row :
       query.rows<std::optional<std::vector<MemberId>>, CallId, RunId, std::string, std::optional<std::int64_t>,
                  std::optional<int>, std::string, std::int64_t, bool>(job, target_no, member, story.chunk)) {
    std::tie(ids, call.call, call.run, call.sent_at, call.latency_ms, call.http_status, call.error, call.members,
             call.open) = std::move(row);
    if (!ids || holds(*ids, member)) calls.push_back(call);
  }
  return calls;
}

}  // namespace

std::vector<Story> story_of(Database& database, JobId job, const MemberId& member) {
  return database.read([&](const Transaction& transaction) {
    std::vector<Story> stories;
    Statement chunks(transaction, R"sql(
      SELECT chunk_id, target_no, size, ids FROM chunk WHERE job_id = ? AND instr(ids, ?) > 0 ORDER BY target_no
    )sql");
    Statement outcome(transaction, R"sql(
      SELECT target, course_id, outcome, error, http_status, attempts, source_line, participant_id, participant_status,
             updated_at
      FROM outcomes_of_chunks WHERE chunk_id = ? AND spot_member_id = ?
    )sql");
    for (const auto& [chunk, target_no, size, ids] :
         chunks.rows<ChunkId, std::int64_t, std::int64_t, std::vector<MemberId>>(job, member)) {
      if (!holds(ids, member)) continue;
      auto row = outcome.row<TargetKind, std::string, std::string, std::string, std::optional<int>, int, std::int64_t,
                             std::string, std::string, std::string>(chunk, member.text());
      if (!row) continue;
      Story story;
      story.chunk = chunk;
      story.chunk_size = size;
      std::tie(story.target.kind, story.target.id, story.outcome, story.error, story.http_status, story.attempts,
               story.source_line, story.participant_id, story.participant_status, story.updated_at) = std::move(*row);
      story.calls = calls_for(database, job, target_no, story, member);
      stories.push_back(std::move(story));
    }
    return stories;
  });
}

}  // namespace convoke
