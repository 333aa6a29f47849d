// Chunks: the unit of work, of attempts and of intent. A chunk is a set of members of one target that share a fate; an
// answer that tells them apart splits it (see schema.sql). Values only: where they are kept is Chunks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ledger_time.h"
#include "base/member_id.h"
#include "base/outcome.h"
#include "base/reason.h"
#include "base/target.h"
#include "ledger/ids.h"

namespace convoke {

/// The most members of one chunk, whatever a job sets.
inline constexpr int largest_chunk = 10'000;

/// What was asked of some members so far: all members of a chunk share it, and each fate goes on with it.
struct History {
  int attempts = 0;    ///< calls that asked for them, 429 aside
  int tries = 0;       ///< of them, those in a row without a definite answer
  int missing = 0;     ///< how often in a row a 201 did not name them
  bool quiet = false;  ///< ask without e-mail
  bool doubt = false;  ///< a call may have taken effect, and no 200 or 201 said more since
};

struct Chunk : History {
  ChunkId id = 0;
  std::int64_t target_no = 0;
  std::vector<MemberId> ids;  ///< ascending
  LedgerTime not_before{};    ///< as it stood

  /// It failed in an earlier run: whatever is the matter may be its own.
  bool failed_before() const { return not_before == LedgerTime(Duration(-1)); }
};

/// What a 201 says of some members: a column for each attribute of the view `outcomes`. A column is SQL NULL (empty
/// here) where the attribute is null for all, one plain value where all share it, or else a JSON array with one entry
/// per member.
struct ParticipantColumns {
  std::string participant_id, participant_status, invited_at, started_at, completed_at, unenrolled_at, last_activity_at,
      completion_rate, profile;
  bool operator==(const ParticipantColumns&) const = default;
};

/// What becomes of some members of a chunk.
struct Fate : History {
  Outcome outcome = Outcome::pending;
  LedgerTime not_before{};  ///< for pending: when they are due again; the epoch: as if never asked
  bool gone = false;        ///< not in the source any more: not to be made due again
  Reason reason = Reason::none;
  int http_status = 0;  ///< 0: there was none
  std::string error;    ///< printable, short; empty: none
  ParticipantColumns participants;

  /// Due at `not_before`, as one with this history.
  static Fate due(const History& history, LedgerTime not_before = {});
  /// Settled by a call's answer; `history` is of before the call. A refusal says nothing of the call before it: only
  /// then a doubt stays.
  static Fate settled(const History& history, Outcome outcome, int http_status, Reason reason = Reason::none,
                      std::string error = {});
  /// The same, of members that are no longer in the source. Who was due is due no more: withdrawn, or in doubt where a
  /// call may have invited them. (Absence from a 201 is no refusal either: it is what the API says of those it has
  /// invited before.)
  Fate left() const;
  /// The same, of members that are in the source again: who was due when they left is due.
  Fate back() const;
};

/// A part of a chunk and its fate.
struct Piece {
  std::vector<std::uint32_t> members;  ///< indices into the chunk's ids, ascending; empty: all of them
  Fate fate;
  std::vector<MemberId> resolved = {};  ///< of addresses: the members that have them, in the order of `members`; empty:
                                        ///< who they are is not known
  std::optional<Step> next_step = {};   ///< what is asked next for them, if it is another step

  std::int64_t size_of(const Chunk& chunk) const {
    return static_cast<std::int64_t>(members.empty() ? chunk.ids.size() : members.size());
  }
};

/// The fate of some of those who share it.
Fate picked(const Fate& fate, const std::vector<std::uint32_t>& members);

}  // namespace convoke
