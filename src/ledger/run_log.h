// What a run did: its calls, each noted before it goes out, and its counts.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/target.h"
#include "ledger/chunk.h"
#include "ledger/statement.h"

namespace convoke {

/// What a run has come to so far.
struct RunCounts {
  std::array<std::int64_t, all_outcomes.size()> settled{};  ///< members, by outcome
  std::int64_t calls = 0;
  std::int64_t retries = 0;  ///< of the calls, those for a chunk that had no definite answer before
  std::int64_t listed = 0;   ///< entries of the API's lists that were read,
  std::int64_t to_list = 0;  ///< of so many, as far as the API says

  std::int64_t& of(Outcome outcome) { return settled[static_cast<std::size_t>(outcome)]; }
  std::int64_t of(Outcome outcome) const { return settled[static_cast<std::size_t>(outcome)]; }
  /// Members that this run brought to an outcome.
  std::int64_t handled() const;
};

/// How a call ended.
struct CallEnd {
  Duration latency{};
  int http_status = 0;  ///< 0: there was no answer
  Reason reason = Reason::none;
  std::string error;  ///< printable, short; empty: none
};

/// A call that was noted and never answered for: its process ended first.
struct OpenCall {
  CallId call = 0;
  ChunkId chunk = 0;
  Step step = Step::invite;
};

/// What a run of a job is.
enum class Command {
  run,  ///< or retry
  verify,
  check  ///< plan --check
};
constexpr std::string_view name_of(Command command) {
  return command == Command::run ? "run" : command == Command::verify ? "verify" : "check";
}

/// The log of one run.
class RunLog {
 public:
  /// A new run of the job. Runs that never ended (their process is gone, since the job's lock is ours) are closed. In a
  /// transaction of its own.
  RunLog(Database& database, JobId job, WallTime now, Command command = Command::run);

  RunId run() const { return run_; }
  const RunCounts& counts() const { return counts_; }

  /// Calls of earlier runs of this job that are still open.
  std::vector<OpenCall> open_calls();
  /// Closes one of them, as interrupted.
  void close_interrupted(Transaction& transaction, CallId call);

  /// Notes that the chunk is about to be asked for.
  CallId begin_call(Transaction& transaction, const Chunk& chunk, WallTime now, Step step = Step::invite);
  void end_call(Transaction& transaction, CallId call, const CallEnd& end);
  /// Takes back a call that never went out.
  void cancel_call(Transaction& transaction, CallId call, const Chunk& chunk);

  /// Adds to this run's counts; pending counts for nothing.
  void count(Outcome outcome, std::int64_t members);
  /// Takes members out of the counts again (they became due once more).
  void uncount(Outcome outcome, std::int64_t members);

  /// So many entries of lists are read, of so many.
  void note_listed(std::int64_t read, std::int64_t total) { counts_.listed = read, counts_.to_list = total; }

  /// Writes the counts so far into the run's row.
  void write_counts(Transaction& transaction);
  /// Ends the run. `stopped_by` empty: it ran to its end; `message`: what ended it, for people.
  void end(Transaction& transaction, int exit_code, const std::string& stopped_by, const std::string& message,
           WallTime now);

 private:
  Database& database_;
  JobId job_;
  RunId run_ = 0;
  RunCounts counts_;
  Statement begin_call_;
  Statement end_call_;
  Statement cancel_call_;
  Statement write_counts_;
};

}  // namespace convoke
