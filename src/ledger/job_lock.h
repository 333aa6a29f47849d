// One process runs a job at a time: a lock of the operating system that dies with its holder, on the ledger's own file,
// so that there is no second file to lose, and whoever has the ledger under whatever name meets the same lock.
//
// Open-file-description locks on one byte a job, far beyond any data: SQLite's own locks are POSIX ones on bytes near
// 1 GiB, and do not meet them. An older convoke locks a file beside the ledger ("…-locks"): where there is one, its
// byte is taken and looked at too.
#pragma once

#include <optional>

#include "ledger/database.h"

namespace convoke {

class JobLock {
 public:
  /// Takes the lock, or returns empty at once if another process (or another open LedgerFile of this one) holds it.
  /// `file`, opened to write, must outlive it. Throws Error(disk).
  static std::optional<JobLock> take(const LedgerFile& file, JobId job);

  /// Whether somebody else holds it now.
  static bool is_held(const LedgerFile& file, JobId job);

  /// Whether somebody else holds the lock of any job.
  static bool is_any_held(const LedgerFile& file);

  JobLock(JobLock&& other) noexcept;
  JobLock& operator=(JobLock&&) = delete;
  ~JobLock();

 private:
  JobLock(int file, int old_file, JobId job) : file_(file), old_file_(old_file), job_(job) {}
  int file_;      ///< the ledger's descriptor, not ours to close; -1: moved from
  int old_file_;  ///< an older convoke's file of locks, ours; -1: there is none
  JobId job_;
};

}  // namespace convoke
