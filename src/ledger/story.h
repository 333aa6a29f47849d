// The whole story of one member, from the ledger alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/member_id.h"
#include "base/target.h"
#include "ledger/database.h"

namespace convoke {

struct StoryCall {
  CallId call = 0;
  RunId run = 0;
  std::string sent_at;
  std::optional<std::int64_t> latency_ms;
  std::optional<int> http_status;
  std::string error;
  std::int64_t members = 0;  ///< how many were asked for in this call
  Step step = Step::invite;  ///< what was asked
  bool open = false;         ///< no answer yet
};

struct Story {
  Target target;
  std::string outcome;
  std::string error;
  std::optional<int> http_status;
  int attempts = 0;
  std::int64_t source_line = 0;
  ChunkId chunk = 0;
  std::int64_t chunk_size = 0;
  std::string participant_id;
  std::string participant_status;
  std::string updated_at;
  std::vector<StoryCall> calls;  ///< in the order in which they went out
};

/// Whom a story is about.
struct Whom {
  std::optional<MemberId> member;  ///< empty: an address, and who has it is not known
  std::optional<MemberId> key;     ///< of the address that was asked for (AddressBook); empty: it was a member
};

/// One story for each target that the member, or the address, is listed for; empty: the job does not know it. In one
/// snapshot.
std::vector<Story> story_of(Database& database, JobId job, const Whom& whom);

}  // namespace convoke
