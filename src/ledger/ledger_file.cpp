#include "ledger/ledger_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "ledger/job_lock.h"

namespace convoke {
namespace {

[[noreturn]] void fail_to_open(const std::filesystem::path& path, int code) {
  std::string hint = "see that the ledger's folder can be written and has room; nothing that was committed is lost";
  if (code == EMFILE || code == ENFILE) hint = "let it open more files: ulimit -n";
  if (code == EEXIST) hint = "a link to nothing stands there: name the file itself with --ledger, or remove the link";
  throw Error(Exit::disk, fmt::format("the ledger cannot be opened: {}", std::strerror(code)), path.string(), hint);
}

int open_file(const std::filesystem::path& path, LedgerFile::Access access) {
  const bool may_write = access == LedgerFile::Access::write;
  const int how = (may_write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
  int descriptor = ::open(path.c_str(), how);
  if (descriptor < 0 && errno == ENOENT && may_write) {
    descriptor = ::open(path.c_str(), how | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    struct stat at {};
    // Made by another process meanwhile, unless it is a link that leads nowhere.
    if (descriptor < 0 && errno == EEXIST && ::stat(path.c_str(), &at) == 0) descriptor = ::open(path.c_str(), how);
  }
  if (descriptor < 0) fail_to_open(path, errno);
  return descriptor;
}

}  // namespace

LedgerFile::LedgerFile(const std::filesystem::path& path, Access access)
    : path_(path), name_(path.string()), descriptor_(open_file(path, access)) {
  struct stat status {};
  try {
    if (::fstat(descriptor_, &status) != 0) throw Error(Exit::disk, std::strerror(errno), name_);
    check_own(status);
    owner_ = status.st_uid;
    check_companions();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
  identity_ = {status.st_dev, status.st_ino};
}

void LedgerFile::check_own(const struct stat& status) const {
  const auto refuse = [&](Exit exit, const char* what, const std::string& hint) {
    throw Error(exit, what, name_, hint);
  };
  if (S_ISDIR(status.st_mode)) refuse(Exit::disk, "is a folder, and no ledger", "name a file with --ledger");
  if (!S_ISREG(status.st_mode)) refuse(Exit::bad_config, "is no regular file", "name a file with --ledger");
  if (status.st_nlink > 1) {
    refuse(JobLock::is_any_held(*this) ? Exit::try_later : Exit::bad_config,
           "the ledger has other names (hard links): SQLite keeps its latest changes in a file beside each, and they "
           "would not know of each other",
           "let all runs end under the name that they use, and remove the others (find / -samefile FILE); a backup is "
           "made otherwise, see docs/ledger.md");
  }
  if ((status.st_mode & S_IWOTH) != 0) {
    refuse(Exit::bad_config, "every user of the machine may write to this ledger",
           "see that what it says is true, and then: chmod o-w " + shell_word(name_));
  }
  if (status.st_size == 0 && status.st_uid != ::geteuid()) {
    refuse(Exit::bad_config, "this is an empty file of another user, and no ledger",
           "see who laid it out and why; remove it, or name another file with --ledger");
  }
}

void LedgerFile::check_beside(const std::string& path, const struct stat& status) const {
  const auto refuse = [&](std::string_view what, const char* hint) {
    throw Error(Exit::bad_config, fmt::format("this belongs to the ledger by its name, and {}", what), path, hint);
  };
  // It may be the ledger's own all the same, with its latest changes in it: then it is not to be removed.
  if (!S_ISREG(status.st_mode)) refuse("is no plain file", "see who laid it out and why, and remove it");
  if (status.st_uid != ::geteuid() && status.st_uid != owner_) {
    refuse(
        "is another user's",
        "if it came with the ledger, give it to the ledger's user (chown); if somebody laid it out there, remove it");
  }
  if (status.st_nlink != 1) {
    refuse("has other names (hard links)",
           "find them (find / -samefile FILE): if they are copies of it, remove those; if somebody laid it out there, "
           "remove it");
  }
}

// Of what SQLite opens by itself, before it does.
void LedgerFile::check_companions() const {
  for (const char* ending : {"-wal", "-shm", "-journal"}) {
    const std::string path = beside(ending);
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) continue;
    // One that SQLite has just removed, as the last process to close the ledger, has no name any more.
    if (status.st_nlink > 0) check_beside(path, status);
  }
}

LedgerFile::~LedgerFile() {
  ::close(descriptor_);
}

LedgerFile::Identity LedgerFile::identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

std::string LedgerFile::beside(std::string_view ending) const {
  std::error_code failed;
  const auto real = std::filesystem::canonical(path_, failed);
  return (failed ? name_ : real.string()) + std::string(ending);
}

bool LedgerFile::is_part(const std::filesystem::path& place) const {
  std::error_code failed;
  const auto folder = std::filesystem::canonical(std::filesystem::absolute(place).parent_path(), failed);
  const std::string name = (folder / place.filename()).string();
  const Identity there = identity_of(place.string());
  for (const char* ending : {"", "-wal", "-shm", "-journal", "-calls", "-locks"}) {
    const std::string part = beside(ending);
    if (name == part || (there.inode != 0 && there == identity_of(part))) return true;
  }
  return false;
}

void LedgerFile::note_companions() {
  const std::string log = beside("-wal");
  const std::string index = beside("-shm");
  check_companions();  // again: somebody may have been quicker than SQLite
  companions_ = {Companion{log, identity_of(log)}, Companion{index, identity_of(index)}};
}

void LedgerFile::check_in_place() const {
  const auto refuse = [this](const std::string& file) {
    throw Error(Exit::disk, fmt::format("the ledger was moved, replaced or removed while it was in use ({})", file),
                name_,
                "nothing was sent since; put the file back together with what lies beside it (-wal), and run again");
  };
  if (identity_of(name_) != identity_) refuse(name_);
  for (const Companion& companion : companions_) {
    if (companion.identity.inode != 0 && identity_of(companion.path) != companion.identity) refuse(companion.path);
  }
}

}  // namespace convoke
