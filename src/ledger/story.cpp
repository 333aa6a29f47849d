#include "ledger/story.h"

#include <algorithm>

#include "ledger/chunks.h"
#include "ledger/statement.h"

namespace convoke {
namespace {

// instr() finds the bytes of an id also where two others meet: whether it is a member is for this to say.
bool holds(const std::vector<MemberId>& ids, const std::optional<MemberId>& one) {
  return one && std::find(ids.begin(), ids.end(), *one) != ids.end();
}

std::vector<StoryCall> calls_for(Database& database, JobId job, std::int64_t target_no, const Story& story,
                                 const Whom& whom) {
  std::vector<StoryCall> calls;
  Statement query(database, R"sql(
    SELECT ids, call_id, run_id, strftime('%Y-%m-%dT%H:%M:%fZ', sent_at / 1000.0, 'unixepoch'), latency_ms, http_status,
           error, size, open, call.step
    FROM call JOIN run USING (run_id) JOIN target USING (target_no)
    WHERE run.job_id = ?1 AND (kind, id) = (SELECT kind, id FROM target WHERE target_no = ?2)
          AND (instr(ids, ?3) > 0 OR instr(ids, ?4) > 0 OR (ids IS NULL AND chunk_id = ?5))
    ORDER BY call_id
  )sql");
  std::optional<std::vector<MemberId>> ids;  // none: they are still the chunk's
  StoryCall call;
  for (auto& row : query.rows<std::optional<std::vector<MemberId>>, CallId, RunId, std::string,
                              std::optional<std::int64_t>, std::optional<int>, std::string, std::int64_t, bool, Step>(
           job, target_no, whom.member, whom.key, story.chunk)) {
    std::tie(ids, call.call, call.run, call.sent_at, call.latency_ms, call.http_status, call.error, call.members,
             call.open, call.step) = std::move(row);
    if (!ids || holds(*ids, whom.member) || holds(*ids, whom.key)) calls.push_back(call);
  }
  return calls;
}

}  // namespace

std::vector<Story> story_of(Database& database, JobId job, const Whom& whom) {
  return database.read([&](const Transaction& transaction) {
    std::vector<Story> stories;
    Statement chunks(transaction, R"sql(
      SELECT chunk_id, target_no, size, ids, lines FROM chunk
      WHERE job_id = ? AND (instr(ids, ?) > 0 OR instr(ids, ?) > 0) ORDER BY target_no
    )sql");
    Statement outcome(transaction, R"sql(
      SELECT target, course_id, outcome, error, http_status, attempts, source_line, participant_id, participant_status,
             updated_at
      FROM outcomes_of_chunks WHERE chunk_id = ? AND source_line = ?
    )sql");
    for (const auto& [chunk, target_no, size, ids, lines] :
         chunks.rows<ChunkId, std::int64_t, std::int64_t, std::vector<MemberId>, std::string>(job, whom.member,
                                                                                              whom.key)) {
      const auto& one = holds(ids, whom.member) ? whom.member : whom.key;
      if (!holds(ids, one)) continue;
      const auto at = static_cast<std::size_t>(std::find(ids.begin(), ids.end(), *one) - ids.begin());
      const auto all_lines = decode_lines(lines);
      if (at >= all_lines.size()) throw damaged_ledger(database, "a chunk has fewer lines than members");
      auto row = outcome.row<TargetKind, std::string, std::string, std::string, std::optional<int>, int, std::int64_t,
                             std::string, std::string, std::string>(chunk, all_lines[at]);
      if (!row) continue;
      Story story;
      story.chunk = chunk;
      story.chunk_size = size;
      std::tie(story.target.kind, story.target.id, story.outcome, story.error, story.http_status, story.attempts,
               story.source_line, story.participant_id, story.participant_status, story.updated_at) = std::move(*row);
      story.calls = calls_for(database, job, target_no, story, whom);
      stories.push_back(std::move(story));
    }
    return stories;
  });
}

}  // namespace convoke
