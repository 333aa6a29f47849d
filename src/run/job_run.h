// One run of one job, from the calls that an earlier process left open to books that balance; whoever holds the job's
// lock may do it. In this order: recover, load, send, finish.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/intake.h"
#include "run/runner.h"

namespace convoke {

struct JobRunSettings {
  RunnerSettings runner;
  std::string base_url;  ///< of the API; the ledger belongs to it
  LimitSettings limits;
  std::optional<std::int64_t> assume_used;  ///< calls that a ledger of unknown past is to count in the limits
  ReadSource read_source;
  IntakeBrakes brakes;
  bool ignore_invalid = false;  ///< invalid rows do not make the run end with 1
  std::string fingerprint;      ///< of the source now; empty: it has none and is always read
  bool retry_failed = true;     ///< members that ended failed are due again
  std::vector<Outcome> retry;   ///< members of these outcomes too
};

/// What load() came to.
struct Loaded {
  std::optional<Reading> reading;  ///< empty: the source is the one that was read last
  std::int64_t retried = 0;        ///< members of JobRunSettings::retry that are due again
};

class JobRun {
 public:
  /// Begins the run in the ledger and settles what earlier processes left open. References must outlive this; what of
  /// `loop` and `ledger` is still to do when this goes must not be done any more.
  JobRun(Database& database, JobId job, JobRunSettings settings, Transport& transport, const Clock& clock,
         Alarms& alarms, boost::asio::any_io_executor loop, boost::asio::any_io_executor ledger, std::uint64_t seed,
         const std::function<void(const std::string&)>& warn);

  /// Takes the source in, unless it is the one that was read last, and makes due what is to be retried.
  Loaded load();

  /// Sends what is due until nothing is, or something stops it.
  boost::asio::awaitable<RunEnd> send();

  /// Checks the books and ends the run in the ledger. What stopped it is forgotten if the list is read and nobody is
  /// due any more: it came too late to matter. Throws Error(defect) if the books do not balance.
  Exit finish(RunEnd& end);

  /// Ends the run in the ledger after what `error` says, as far as that is possible.
  void fail(const Error& error) noexcept;

  Runner& runner() { return runner_; }
  RunId run() { return ledger_.log().run(); }
  const RunCounts& counts() { return ledger_.log().counts(); }

 private:
  Database& database_;
  JobId job_;
  JobRunSettings settings_;
  bool is_loaded_ = false;
  RunLedger ledger_;
  Runner runner_;
};

/// What a run's end and the list as it stands say about its exit code (README.md, "Exit codes").
Exit exit_of(StoppedBy by, const Books& books, bool ignore_invalid);

}  // namespace convoke
