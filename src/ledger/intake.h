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

#include "base/clock.h"
#include "base/member_id.h"
#include "base/reason.h"
#include "ledger/database.h"
#include "ledger/sorter.h"

namespace convoke {

/// What a reading came to. Each row is one of: a member's first, a duplicate, invalid.
struct Reading {
  std::int64_t rows = 0;
  std::int64_t invalid = 0;
  std::int64_t duplicates = 0;
  std::int64_t mended = 0;     ///< of the valid rows, those whose id was written otherwise
  std::int64_t members = 0;    ///< different ones in the source
  std::int64_t added = 0;      ///< of them, those the ledger did not know
  std::int64_t revived = 0;    ///< of them, those that were withdrawn and are due again
  std::int64_t gone = 0;       ///< known from before and not in this source
  std::int64_t withdrawn = 0;  ///< of them, those that were due until now
};

/// One row of a source: a member, or why not.
struct IntakeRow {
  std::uint64_t line = 0;
  std::string_view course;         ///< as the API knows it
  std::optional<MemberId> member;  ///< empty: invalid
  bool mended = false;             ///< the id was written otherwise
  std::string_view value;          ///< of an invalid row: what stood there
  Reason reason = Reason::none;    ///< of an invalid row: why it cannot be sent
};

using TakeRow = std::function<void(const IntakeRow&)>;
/// Reads a source from start to end and hands over each row.
using ReadSource = std::function<void(const TakeRow&)>;

/// When a reading is not believed. A list that was cut off, or is another one by mistake, must not withdraw those who
/// are due.
struct IntakeBrakes {
  std::int64_t min_rows = 0;   ///< fewer rows are an error
  bool accept_shrunk = false;  ///< the operator says that the list is right as it is
  std::string source;          ///< what the list is called in messages
};

/// Reads the source into the ledger: adds what is new in chunks of `chunk_size`, withdraws what was due and is gone,
/// revives what was withdrawn and is back, keeps invalid rows, follows members to their new lines. In many short
/// transactions: other processes get their turn, and a reading that is cut off is simply done again. At the end, and
/// only then, the source is known by its `fingerprint`. `now` goes to those whose outcome changes by it. Throws
/// Error(bad_source), and leaves the job as it was, if the list has fewer rows than `brakes` allow, has none where
/// there were members, or would withdraw more than half of those not settled (and at least 20).
Reading take_in(Database& database, JobId job, const ReadSource& read, int chunk_size, const IntakeBrakes& brakes,
                const std::string& fingerprint, WallTime now);

/// What a run would make of the job.
struct Survey {
  std::optional<Reading> reading;  ///< empty: the source is unchanged, and not read
  std::int64_t due = 0;            ///< members that would be asked for
  std::int64_t calls = 0;          ///< that this takes if every one is answered well
};

struct SurveyTerms {
  int chunk_size = 100;
  IntakeBrakes brakes;
  bool retry_failed = true;  ///< members that ended failed are due again
  bool hold_doubts = false;  ///< on_doubt = "hold": who was asked without an answer is not asked again
};

/// The same reading and checking as take_in(), without a change, and what a run would send after it. No job: nothing is
/// known yet. `read` empty: the source is the one that was read last. Temporary files go to `folder`.
Survey survey(Database* database, std::optional<JobId> job, const ReadSource& read, const SurveyTerms& terms,
              const std::filesystem::path& folder);

/// Whether the job's last complete reading was of a source with this fingerprint.
bool is_read(Database& database, JobId job, const std::string& fingerprint);

}  // namespace convoke
