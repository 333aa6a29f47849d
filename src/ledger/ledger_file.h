// The ledger's own file, opened beside SQLite: what makes it ours alone, says whether it is still there, and carries
// the jobs' locks (job_lock.h).
//
// SQLite holds POSIX locks on this file, and a process loses all of those as soon as it closes any descriptor of the
// file. So this one is opened before SQLite opens the file and closed after SQLite has closed it, and a process has one
// connection to a ledger at a time. Whoever reads a list must not open and close the ledger either: see SqliteSource.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace convoke {

class LedgerFile {
 public:
  enum class Access { read, write };

  /// Opens the ledger; to write, it is made if it is not there: 0600, and never through a link that somebody laid out.
  /// Throws Error: disk if that fails; bad_config if it is no regular file, others may write to it, somebody else has
  /// laid it out, empty, or such a file beside it (check_beside()), or if it has other names: SQLite keeps the latest
  /// changes in a file beside each, and none would know of the other's (try_later while a run is under way on it).
  LedgerFile(const std::filesystem::path& path, Access access);
  ~LedgerFile();
  LedgerFile(const LedgerFile&) = delete;
  LedgerFile& operator=(const LedgerFile&) = delete;

  /// Takes note of which files SQLite has opened beside it (its write-ahead log): they are part of the ledger from here
  /// on. Throws as check_beside().
  void note_companions();

  /// Throws Error(disk) if the path leads to another file by now, or to none, or a companion does: what is written then
  /// is lost to whoever opens the ledger next.
  void check_in_place() const;

  /// What stands beside the ledger under its name and this ending: as SQLite has it, of the file itself, by whatever
  /// link it is reached.
  std::string beside(std::string_view ending) const;

  /// Throws Error(bad_config) unless `status`, of what was found at `path` beside the ledger, is that of a plain file
  /// with one name that is ours, or the ledger's owner's: what somebody else has laid out there is neither written nor
  /// believed.
  void check_beside(const std::string& path, const struct stat& status) const;

  /// Whether what is put at `place` would take the place of the ledger, or of a file that belongs to it, be that there
  /// at the moment or not.
  bool is_part(const std::filesystem::path& place) const;

  int descriptor() const { return descriptor_; }
  uid_t owner() const { return owner_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;  ///< 0: none
    bool operator==(const Identity&) const = default;
  };
  struct Companion {
    std::string path;
    Identity identity;
  };
  static Identity identity_of(const std::string& path);
  void check_own(const struct stat& status) const;
  void check_companions() const;

  std::filesystem::path path_;
  std::string name_;  ///< the same, for the system
  int descriptor_;
  Identity identity_;
  uid_t owner_ = 0;
  std::array<Companion, 2> companions_;
};

}  // namespace convoke
