// One `convoke verify` of one job: whoever takes part in its courses is read, page by page, and held against the
// ledger; whoever holds the job's lock may do it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/books.h"
#include "ledger/verification.h"
#include "run/sending.h"

namespace convoke {

struct VerifySettings : SendingSettings {
  bool ignore_invalid = false;    ///< rows that name nobody are meant to be in the list
  std::filesystem::path folder;   ///< of temporary files
  Verification::Tell tell;        ///< is told of each member
  std::function<void()> is_told;  ///< of all; what this throws keeps everything from being written
};

struct Verified {
  RunEnd end;
  Exit exit = Exit::ok;
  std::vector<CourseSeen> courses;    ///< that were held against the ledger
  std::vector<CourseListing> unread;  ///< that were not, since their lists could not be read to the end
  Books books;
};

/// Whether a list of the job was ever read, to its end.
inline bool is_list_known(const Books& books) {
  return books.rows_read > 0 && !books.half_read;
}

class VerifyRun {
 public:
  /// Begins the run in the ledger. References must outlive this.
  VerifyRun(Database& database, JobId job, VerifySettings settings, const Outside& outside);

  /// Reads the lists, again where they moved meanwhile, and goes on where one that was interrupted had come to; then
  /// writes what was seen, all at once. Throws Error, with which the run is ended in the ledger, too.
  boost::asio::awaitable<Verified> run();

  Progress progress() const { return sending_.progress(); }
  RunId id() { return sending_.ledger().log().run(); }
  const RunCounts& counts() { return sending_.ledger().log().counts(); }

 private:
  boost::asio::awaitable<RunEnd> read();
  void write(Verified& verified);
  Exit exit_of_verified(const Verified& verified) const;
  WallTime now();
  std::vector<CourseListing> listings(bool are_read);

  Database& database_;
  JobId job_;
  VerifySettings settings_;
  Outside outside_;
  Sending sending_;
  std::optional<Verification> held_;  // once all that can be read is
};

}  // namespace convoke
