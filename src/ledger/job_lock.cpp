#include "ledger/job_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace convoke {

namespace {

struct flock lock_on(JobId job) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(job);
  lock.l_len = 1;
  return lock;
}

// Of the file itself, by whatever link it is reached.
std::string lock_file(const std::filesystem::path& ledger) {
  std::error_code failed;
  const auto real = std::filesystem::weakly_canonical(ledger, failed);
  return (failed ? ledger : real).string() + "-locks";
}

bool is_locked(const std::filesystem::path& ledger, struct flock lock) {
  const int file = ::open(lock_file(ledger).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool asked = ::fcntl(file, F_OFD_GETLK, &lock) == 0;
  ::close(file);
  return asked && lock.l_type != F_UNLCK;
}

}  // namespace

std::optional<JobLock> JobLock::take(const std::filesystem::path& ledger, JobId job) {
  const std::string path = lock_file(ledger);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    throw Error(Exit::disk, fmt::format("cannot open the lock file: {}", std::strerror(errno)), path,
                "the ledger's folder must be writable");
  }
  // Open-file-description locks: unlike POSIX ones they also keep two holders within one process apart.
  struct flock lock = lock_on(job);
  if (::fcntl(file, F_OFD_SETLK, &lock) == 0) return JobLock(file);
  const int error = errno;
  ::close(file);
  if (error == EAGAIN || error == EACCES) return std::nullopt;
  throw Error(Exit::disk, fmt::format("cannot lock: {}", std::strerror(error)), path,
              "the ledger must be on a file system that has locks");
}

bool JobLock::is_held(const std::filesystem::path& ledger, JobId job) {
  return is_locked(ledger, lock_on(job));
}

bool JobLock::is_any_held(const std::filesystem::path& ledger) {
  struct flock all = lock_on(0);
  all.l_len = 0;  // to the end of the file, and beyond
  return is_locked(ledger, all);
}

JobLock::JobLock(JobLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

JobLock::~JobLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace convoke
