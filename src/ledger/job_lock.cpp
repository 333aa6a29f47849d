#include "ledger/job_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace convoke {

namespace {

constexpr off_t first_byte = off_t{1} << 60U;  // SQLite's largest database ends at 2^48

struct flock lock_on(off_t byte, short type = F_WRLCK) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

struct flock lock_from(off_t byte) {
  struct flock lock = lock_on(byte);
  lock.l_len = 0;  // to the end of the file, and beyond
  return lock;
}

bool is_locked(int file, struct flock lock) {
  return ::fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/// Of an older convoke, if there is one; -1: there is none.
int open_old_file(const LedgerFile& file, int access) {
  std::error_code failed;
  const auto real = std::filesystem::weakly_canonical(file.path(), failed);
  const std::string path = (failed ? file.path() : real).string() + "-locks";
  const int old_file = ::open(path.c_str(), access | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (old_file < 0 && errno != ENOENT) {
    throw Error(Exit::disk, fmt::format("cannot open the file of locks of an older convoke: {}", std::strerror(errno)),
                path, "remove it, if no older convoke runs on this ledger");
  }
  return old_file;
}

bool is_locked_by_older(const LedgerFile& file, const struct flock& lock) {
  const int old_file = open_old_file(file, O_RDONLY);
  if (old_file < 0) return false;
  const bool locked = is_locked(old_file, lock);
  ::close(old_file);
  return locked;
}

}  // namespace

std::optional<JobLock> JobLock::take(const LedgerFile& file, JobId job) {
  JobLock taken(-1, open_old_file(file, O_RDWR), job);
  const auto lock = [&](int descriptor, off_t byte) {
    struct flock wanted = lock_on(byte);
    if (::fcntl(descriptor, F_OFD_SETLK, &wanted) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    throw Error(Exit::disk, fmt::format("cannot lock: {}", std::strerror(errno)), file.path().string(),
                "the ledger must be on a file system that has locks");
  };
  if (taken.old_file_ >= 0 && !lock(taken.old_file_, static_cast<off_t>(job))) return std::nullopt;
  if (!lock(file.descriptor(), first_byte + job)) return std::nullopt;
  taken.file_ = file.descriptor();
  return taken;
}

bool JobLock::is_held(const LedgerFile& file, JobId job) {
  return is_locked(file.descriptor(), lock_on(first_byte + job)) ||
         is_locked_by_older(file, lock_on(static_cast<off_t>(job)));
}

bool JobLock::is_any_held(const LedgerFile& file) {
  return is_locked(file.descriptor(), lock_from(first_byte)) || is_locked_by_older(file, lock_from(0));
}

JobLock::JobLock(JobLock&& other) noexcept
    : file_(std::exchange(other.file_, -1)), old_file_(std::exchange(other.old_file_, -1)), job_(other.job_) {}

JobLock::~JobLock() {
  if (old_file_ >= 0) ::close(old_file_);
  if (file_ < 0) return;
  struct flock none = lock_on(first_byte + job_, F_UNLCK);
  ::fcntl(file_, F_OFD_SETLK, &none);
}

}  // namespace convoke
