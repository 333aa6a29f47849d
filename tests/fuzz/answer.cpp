// An answer, whatever it is, and the verdict on it: every member of the chunk gets exactly one fate, and what the
// ledger keeps is what it can read again.
#include <simdjson.h>

#include <array>
#include <vector>

#include "api/verdict.h"
#include "fuzz.h"

using namespace convoke;
using namespace convoke::fuzz;

namespace {

constexpr std::array<int, 24> statuses = {200, 201, 201, 201, 202, 204, 206, 301, 400, 401, 402, 403,
                                          404, 407, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504};

Chunk chunk_of(std::size_t count) {
  Chunk chunk;
  chunk.id = 1;
  chunk.target_no = 1;
  for (std::size_t i = 0; i < count; ++i) {
    MemberId id;
    id.bytes[0] = static_cast<std::uint8_t>(i);  // 00000000-0000-…, 01000000-0000-…
    chunk.ids.push_back(id);
  }
  return chunk;
}

void check_column(const std::string& column, std::size_t members) {
  if (!column.starts_with('[')) return;
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  require(parser.parse(column).get(array) == simdjson::SUCCESS, "a column of the ledger is JSON");
  require(array.size() == members, "a column of the ledger has an entry for each member");
}

void check(const Verdict& verdict, const Chunk& chunk, bool is_channel) {
  std::vector<int> fates(chunk.ids.size());
  for (const Piece& piece : verdict.pieces) {
    const std::size_t size = piece.members.empty() ? chunk.ids.size() : piece.members.size();
    if (piece.members.empty()) {
      for (int& count : fates) ++count;
    }
    for (std::size_t i = 0; i < piece.members.size(); ++i) {
      require(i == 0 || piece.members[i - 1] < piece.members[i], "the members of a piece ascend");
      ++fates.at(piece.members[i]);
    }
    const Fate& fate = piece.fate;
    require(fate.outcome != Outcome::rejected || chunk.ids.size() == 1,
            "nobody is rejected who was not asked for alone");
    require(fate.outcome != Outcome::invited || fate.http_status == 201 || (is_channel && fate.http_status == 200),
            "only a 201 invites, or a channel's 200");
    require(fate.outcome != Outcome::already_invited || !is_channel, "a channel does not say who was in already");
    require(fate.attempts == chunk.attempts || fate.attempts == chunk.attempts + 1, "a call is at most one attempt");
    require(is_printable(fate.error), "an error is printable");
    const ParticipantColumns& columns = fate.participants;
    for (const auto* column : {&columns.participant_id, &columns.participant_status, &columns.invited_at,
                               &columns.started_at, &columns.completed_at, &columns.unenrolled_at,
                               &columns.last_activity_at, &columns.completion_rate, &columns.profile})
      check_column(*column, size);
  }
  for (const int count : fates) require(count == 1, "every member of a chunk has one fate");
  require(is_printable(verdict.call_error) && is_printable(verdict.alarm), "what is said of a call is printable");
}

}  // namespace

// Three bytes say the status, the chunk and how to judge; the rest is the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::size_t status = input.byte();
  Answer answer;
  answer.reached = Answer::Reached::answered;
  answer.status = statuses[status % statuses.size()];
  const std::uint8_t about_chunk = input.byte();
  Chunk chunk = chunk_of(1 + about_chunk % 4);
  chunk.missing = about_chunk >> 4U & 1;
  chunk.tries = about_chunk >> 5U & 7;
  chunk.attempts = chunk.tries;
  const std::uint8_t how = input.byte();
  Judgement judgement;
  judgement.on_doubt = static_cast<OnDoubt>(how % 3);
  judgement.keep_profile = (how & 8) != 0 ? KeepProfile::yes : KeepProfile::no;
  judgement.ever_accepted = (how & 16) != 0;
  if ((how & 32) != 0) judgement.retry_after = std::chrono::seconds(1);
  judgement.target_kind = target_kinds.at((how >> 6U) % target_kinds.size()).kind;
  answer.body = input.rest();
  check(judge(answer, chunk, judgement), chunk, judgement.target_kind == TargetKind::channel);
  return 0;
}
