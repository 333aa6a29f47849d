// What a run did: its calls, each noted before it goes out, and its counts.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "ledger/chunk.h"
#include "ledger/database.h"

namespace convoke {

/// What a run has come to so far.
struct RunCounts {
  std::array<std::int64_t, all_outcomes.size()> settled{};  ///< members, by outcome
  std::int64_t calls = 0;
  std::int64_t retries = 0;  ///< of the calls, those for a chunk that had no definite answer before

  std::int64_t& of(Outcome outcome) { return settled[static_cast<std::size_t>(outcome)]; }
  std::int64_t of(Outcome outcome) const { return settled[static_cast<std::size_t>(outcome)]; }
  /// Members that this run brought to an outcome.
  std::int64_t handled() const;
};

/// How a call ended.
struct CallEnd {
  Duration latency{};
  int http_status = 0;  ///< 0: there was no answer
  std::string error;    ///< printable, short; empty: none
};

/// A call that was noted and never answered for: its process ended first.
struct OpenCall {
  CallId call = 0;
  ChunkId chunk = 0;
};

/// The log of one run. Functions belong inside a transaction of the database, except where they say otherwise.
class RunLog {
 public:
  /// A new run of the job. Runs that never ended (their process is gone, since the job's lock is ours) are closed.
  RunLog(Database& database, JobId job, WallTime now);

  RunId run() const { return run_; }
  const RunCounts& counts() const { return counts_; }

  /// Calls of earlier runs of this job that are still open.
  std::vector<OpenCall> open_calls();
  /// Closes one of them, as interrupted.
  void close_interrupted(CallId call);

  /// Notes that the chunk is about to be asked for.
  CallId begin_call(const Chunk& chunk, WallTime now);
  void end_call(CallId call, const CallEnd& end);
  /// Takes back a call that never went out.
  void cancel_call(CallId call, const Chunk& chunk);

  /// Adds to this run's counts; pending counts for nothing.
  void count(Outcome outcome, std::int64_t members);
  /// Takes members out of the counts again (they became due once more).
  void uncount(Outcome outcome, std::int64_t members);

  /// Writes the counts so far into the run's row.
  void write_counts();
  /// Ends the run. `stopped_by` empty: it ran to its end.
  void end(int exit_code, const std::string& stopped_by, WallTime now);

 private:
  Database& database_;
  JobId job_;
  RunId run_ = 0;
  RunCounts counts_;
  SQLite::Statement begin_call_;
  SQLite::Statement end_call_;
  SQLite::Statement cancel_call_;
  SQLite::Statement write_counts_;
};

/// Adds `participant_profile` to the view `outcomes`; for [ledger] keep_profile. In a transaction of its own.
void show_profiles(Database& database);

/// The books of a job: every row of its source, and every member, accounted for.
struct Books {
  std::int64_t rows_read = 0;
  std::int64_t invalid = 0;
  std::int64_t duplicates = 0;
  std::int64_t gone = 0;   ///< members not in the source as last read
  bool half_read = false;  ///< a later reading of the source was cut off: only the next one makes the books whole
  std::array<std::int64_t, all_outcomes.size()> members{};  ///< by outcome

  std::int64_t of(Outcome outcome) const { return members[static_cast<std::size_t>(outcome)]; }
  std::int64_t all_members() const;
  /// members in the source + duplicates + invalid rows = rows read
  bool balance() const { return all_members() - gone + duplicates + invalid == rows_read; }
};

Books books_of(Database& database, JobId job);

/// The books, once it is sure that they balance, unless the source is half read. Throws Error(defect) with the numbers.
/// (That chunks hold the members they count, the schema sees to.)
Books check_books(Database& database, JobId job);

}  // namespace convoke
