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

/// One story for each target that the member is listed for; empty: the job does not know the member. In one snapshot.
std::vector<Story> story_of(Database& database, JobId job, const MemberId& member);

}  // namespace convoke
