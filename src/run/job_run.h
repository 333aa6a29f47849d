// One run of one job, from the calls that an earlier process left open to books that balance; whoever holds the job's
// lock may do it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/books.h"
#include "ledger/intake.h"
#include "run/sending.h"

namespace convoke {

struct JobRunSettings : SendingSettings {
  IntakeBrakes brakes;
  std::string fingerprint;     ///< of the source now; empty: it has none and is always read
  std::vector<Outcome> retry;  ///< members of these outcomes are due again, too
};

/// What a run came to.
struct Finished {
  RunEnd end;
  Exit exit = Exit::ok;
  std::optional<Reading> reading;  ///< empty: the source is the one that was read last, or
  bool was_reading_stopped = false;
  std::int64_t retried = 0;  ///< members of JobRunSettings::retry that are due again
};

class JobRun {
 public:
  /// Begins the run in the ledger. `list` is read if it is not the one that was read last. References must outlive
  /// this; what is still to do on the executors of `outside` when this goes must not be done any more.
  JobRun(Database& database, JobId job, MemberList& list, JobRunSettings settings, const Outside& outside);

  /// Settles what earlier processes left open, takes the source in unless it is the one that was read last, makes due
  /// what is to be retried, looks whether the courses are there if it mails, sends what is due until nothing is or
  /// something stops it, checks the books, and ends the run in the ledger. What stopped it is forgotten if the list is
  /// read and nobody is due any more: it came too late to matter. Throws Error, with which the run is ended in the
  /// ledger, too, as far as that is possible.
  boost::asio::awaitable<Finished> run();

  Progress progress() const { return sending_.progress(); }
  RunId id() { return sending_.ledger().log().run(); }
  const RunCounts& counts() { return sending_.ledger().log().counts(); }

 private:
  void load(Finished& finished);
  boost::asio::awaitable<RunEnd> look_and_send();
  void finish(Finished& finished);

  Database& database_;
  JobId job_;
  MemberList& list_;
  JobRunSettings settings_;
  Outside outside_;
  Sending sending_;
};

/// What a run's end and the list as it stands say about its exit code (README.md, "Exit codes").
Exit exit_of(StoppedBy by, const Books& books, bool ignore_invalid);

}  // namespace convoke
