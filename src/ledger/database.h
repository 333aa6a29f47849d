// The ledger's file: one SQLite connection, its schema, and groups of changes that are on disk together or not at all.
//
// Every process has connections of its own; one connection is used by one thread at a time. WAL and synchronous=FULL:
// what a committed group says survives kill -9 and a power cut.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/ledger_time.h"
#include "ledger/ledger_file.h"

namespace convoke {

using JobId = std::int64_t;
using RunId = std::int64_t;
using ChunkId = std::int64_t;
using CallId = std::int64_t;

enum class Durability {
  full,    ///< what is committed survives a power cut
  process  ///< survives the process only: for simulations, which crash processes and not machines
};

/// What a wait for another program's transaction on the ledger hears and says; each part may be empty.
struct LockWait {
  std::stop_token stop;                          ///< asked: it ends soon
  std::function<void(const std::string&)> warn;  ///< told once that it takes long
};

class Database {
 public:
  /// Opens the ledger to write; creates it, or brings an older schema up to date. Throws Error(disk) if it cannot be
  /// opened or is not a ledger, Error(bad_config) if a newer convoke wrote it, and what LedgerFile throws.
  static Database open(const std::filesystem::path& path, Durability durability = Durability::full, LockWait wait = {});

  /// Opens to read; the ledger must exist (Error(no_input)). Changes nothing, but that an older schema is brought up to
  /// date first.
  static Database open_to_read(const std::filesystem::path& path);

  Database(Database&&) = default;
  Database& operator=(Database&&) = delete;

  /// Does `change` in one transaction that starts with the write lock, waits for other processes as long as a minute
  /// (five seconds, once a stop is asked; then Error(try_later), and from there on it waits for nobody any more), and
  /// is on disk when this returns; rolled back if `change` throws. SQLite's exceptions leave as Error(disk), or
  /// Error(defect) where the statement is at fault. Error(disk) too if the file is not where it was opened any more.
  void write(const std::function<void()>& change);

  /// The same for reading: one snapshot.
  void read(const std::function<void()>& look);

  SQLite::Database& handle() { return *handle_; }
  const std::filesystem::path& path() const { return path_; }
  const LedgerFile& file() const { return *file_; }

 private:
  // How long the busy handler goes on waiting. It has an address of its own, which SQLite keeps.
  struct Patience {
    LockWait wait;
    std::chrono::steady_clock::time_point since;
    bool has_warned = false;
    bool is_over = false;
    bool wait_on(int waits);
  };

  Database(std::filesystem::path path, LedgerFile::Access access, LockWait wait);
  void check_ours();
  void switch_to_wal();
  void migrate();
  void transact(const char* begin, const std::function<void()>& body);

  std::filesystem::path path_;
  std::unique_ptr<LedgerFile> file_;  // opened before SQLite's, and closed after it
  std::unique_ptr<Patience> patience_;
  std::unique_ptr<SQLite::Database> handle_;
};

/// What is in the ledger and cannot be: somebody's hand, or the disk's.
Error damaged_ledger(const Database& database, const std::string& what);
/// What SQLite threw, as what ends a run, with the ledger's path.
Error ledger_error(const SQLite::Exception& exception, const std::filesystem::path& path);
/// The same of what only reads. Our queries are right, so one that fails has met a ledger that is not as we made it.
Error reading_error(const SQLite::Exception& exception, const std::filesystem::path& path);

/// The API that the ledger belongs to (schema.sql, `api`).
struct LedgerApi {
  std::optional<std::string> base_url;  ///< empty: no call was made yet
  bool is_rehearsal = false;
};
LedgerApi api_of(Database& database);

/// What a rehearsal's ledger has for an address: its sandbox has another each time.
inline constexpr std::string_view rehearsal_api = "a rehearsal's sandbox";

/// Whether the ledger holds anything that an API said or may yet say of members, a call under way included.
bool has_answers(Database& database);

/// Throws Error(bad_config) if the ledger belongs to another API than the one at `base_url`, or is a rehearsal's. As
/// long as no API has said anything of any member that is to be kept, the address was a mistake, and may be mended.
void check_api(Database& database, const std::string& base_url);

/// From here on the ledger belongs to the API at `base_url`; inside a transaction, with the first call. Throws as
/// check_api() if another process was quicker with another API.
void belong_to_api(Database& database, const std::string& base_url);

/// A job keeps where it came from: its file, or its list if it has none. Throws Error(bad_config) if that is another
/// than `origin`, and not because the job's file was moved.
void check_origin(Database& database, JobId job, const std::string& name, const std::string& origin);
/// The same, and from here on it is `origin`. In a transaction of its own.
void keep_origin(Database& database, JobId job, const std::string& name, const std::string& origin);

/// The job's number, if the ledger knows it.
std::optional<JobId> find_job(Database& database, const std::string& name);
/// The same; a new job is taken in.
JobId job_id(Database& database, const std::string& name);

/// How ledger time stands to the boot clock of this process: ledger time = boot clock + offset.
struct ClockBridge {
  std::string boot_id;
  Duration offset{};
  LedgerTime latest{};  ///< the latest ledger time anyone wrote down, and
  WallTime wall{};      ///< the wall time then
};

/// The bridge for the boot that `boot_id` names. A new boot goes on where the last left off, plus the wall time since;
/// a wall clock set back adds nothing, so ledger time never runs backwards and no slot is free too early. An empty
/// `boot_id` (it cannot be read) equals no other: the uptime it was noted with may be an older boot's.
ClockBridge bridge_clock(const std::optional<ClockBridge>& stored, const std::string& boot_id, Instant now,
                         WallTime wall);

/// What the ledger has written down, if anything.
std::optional<ClockBridge> stored_bridge(Database& database);

/// Reads, and at the first open in a boot writes, the bridge.
ClockBridge bridge_clock(Database& database, const Clock& clock);
/// Writes down how late it is, for the next boot.
void note_time(Database& database, LedgerTime now, WallTime wall);

/// Ledger time as this process reads it.
class LedgerClock {
 public:
  LedgerClock(const Clock& clock, Duration offset) : clock_(clock), offset_(offset) {}
  LedgerTime now() const { return at(clock_.now()); }
  LedgerTime at(Instant instant) const { return LedgerTime(instant.time_since_epoch() + offset_); }
  WallTime wall() const { return clock_.wall(); }

 private:
  const Clock& clock_;
  Duration offset_;
};

}  // namespace convoke
