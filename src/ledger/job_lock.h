// One process runs a job at a time: a lock of the operating system, on a byte of a file beside the ledger, that dies
// with its holder.
#pragma once

#include <filesystem>
#include <optional>

#include "ledger/database.h"

namespace convoke {

class JobLock {
 public:
  /// Takes the lock, or returns empty at once if another process (or another lock in this one) holds it. Throws
  /// Error(disk).
  static std::optional<JobLock> take(const std::filesystem::path& ledger, JobId job);

  /// Whether somebody holds it now.
  static bool is_held(const std::filesystem::path& ledger, JobId job);

  /// Whether somebody holds the lock of any job.
  static bool is_any_held(const std::filesystem::path& ledger);

  JobLock(JobLock&& other) noexcept;
  JobLock& operator=(JobLock&&) = delete;
  ~JobLock();

 private:
  explicit JobLock(int file) : file_(file) {}
  int file_;
};

}  // namespace convoke
