// Taking a list in: one reading of a source, held against what the ledger knows. Both are sorted together by course and
// member, so that duplicates, new members and those that are gone stand side by side, in memory that does not grow with
// the list.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/member_id.h"
#include "ledger/database.h"
#include "ledger/sorter.h"

namespace convoke {

/// What a reading came to. Each row is one of: a member's first, a duplicate, invalid.
struct Reading {
  std::int64_t rows = 0;
  std::int64_t invalid = 0;
  std::int64_t duplicates = 0;
  std::int64_t members = 0;    ///< different ones in the source
  std::int64_t added = 0;      ///< of them, those the ledger did not know
  std::int64_t revived = 0;    ///< of them, those that were withdrawn and are due again
  std::int64_t gone = 0;       ///< known from before and not in this source
  std::int64_t withdrawn = 0;  ///< of them, those that were due until now
  std::int64_t chunks = 0;     ///< that the added ones make
};

/// One row of a source: a member, or why not.
struct IntakeRow {
  std::uint64_t line = 0;
  std::string_view course;         ///< as the API knows it
  std::optional<MemberId> member;  ///< empty: invalid
  std::string_view value;          ///< of an invalid row: what stood there
  std::string_view reason;         ///< of an invalid row: why it cannot be sent
};

using TakeRow = std::function<void(const IntakeRow&)>;
/// Reads a source from start to end and hands over each row.
using ReadSource = std::function<void(const TakeRow&)>;

/// Reads the source into the ledger: adds what is new in chunks of `chunk_size`, withdraws what was due and is gone,
/// revives what was withdrawn and is back, keeps invalid rows, follows members to their new lines. In many short
/// transactions: other processes get their turn, and a reading that is cut off is simply done again. At the end, and
/// only then, the source is known by its `fingerprint`. `now` goes to those whose outcome changes by it.
Reading take_in(Database& database, JobId job, const ReadSource& read, int chunk_size, const std::string& fingerprint,
                WallTime now);

/// The same reading and checking, without a change: what take_in would say. No job: nothing is known yet. Temporary
/// files go to `folder`.
Reading survey(Database* database, std::optional<JobId> job, const ReadSource& read, int chunk_size,
               const std::filesystem::path& folder);

/// Whether the job's last complete reading was of a source with this fingerprint.
bool is_read(Database& database, JobId job, const std::string& fingerprint);

/// The chunk size that the job's due chunks were packed for; 0: none yet.
int packed_for(Database& database, JobId job);
void set_packed_for(Database& database, JobId job, int chunk_size);

}  // namespace convoke
