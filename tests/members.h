// Member ids and chunks by number, for tests.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ledger/chunk.h"

namespace convoke {

/// The id with this number; ids are ordered as their numbers are.
inline MemberId member(std::uint64_t number) {
  return *MemberId::parse(fmt::format("00000000-0000-4000-8000-{:012x}", number));
}

/// Members first, first + 1, …
inline std::vector<MemberId> members(std::size_t count, std::uint64_t first = 1) {
  std::vector<MemberId> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(member(first + i));
  return ids;
}

inline Chunk chunk_of(std::size_t count, std::uint64_t first = 1) {
  Chunk chunk;
  chunk.id = 1;
  chunk.target_no = 1;
  chunk.ids = members(count, first);
  return chunk;
}

/// The entry of a 201 for a member.
inline std::string participant(const std::string& id) {
  return fmt::format(R"({{"id":"p-{0}","courseId":"c","spotMemberId":"{0}","spotMemberEmail":"{0}@example.org",)"
                     R"("spotMemberFirstname":null,"spotMemberLastname":null,"status":"Invited",)"
                     R"("invitedAt":"2026-01-02T03:04:05.678Z","startedAt":null,"completedAt":null,)"
                     R"("unenrolledAt":null,"lastActivityAt":null,"completionRate":0}})",
                     id);
}

/// The body of a 201 that names these members.
inline std::string participants(const std::vector<MemberId>& ids) {
  std::string body;
  for (const MemberId& id : ids) body += (body.empty() ? "[" : ",") + participant(id.text());
  return body.empty() ? "[]" : body + "]";
}

}  // namespace convoke
