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
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "ledger/ids.h"
#include "ledger/ledger_file.h"

namespace convoke {

enum class Durability {
  full,    ///< what is committed survives a power cut
  process  ///< survives the process only: for simulations, which crash processes and not machines
};

/// What a wait for another program's transaction on the ledger hears and says; each part may be empty.
struct LockWait {
  std::stop_token stop;                          ///< asked: it ends soon
  std::function<void(const std::string&)> warn;  ///< told once that it takes long
};

class Database;

/// What is in the ledger and cannot be: somebody's hand, or the disk's.
Error damaged_ledger(const Database& database, const std::string& what);
/// What SQLite threw, as what ends a run, with the ledger's path.
Error ledger_error(const SQLite::Exception& exception, const std::filesystem::path& path);
/// The same of a temporary file of SQLite's own, in which `what` cannot be kept.
Error temporary_error(const SQLite::Exception& exception, const std::string& what);

/// A database in a file without a name, gone with the process, with these tables, in one transaction that never ends:
/// what it holds is never taken back.
SQLite::Database temporary_database(const std::string& tables);
/// The same of what only reads. Our queries are right, so one that fails has met a ledger that is not as we made it.
Error reading_error(const SQLite::Exception& exception, const std::filesystem::path& path);

/// A transaction under way, as Database::write and read hand it out. Functions that take one belong inside it; those
/// that take one that is not const, inside one that writes.
class Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Database& database() const { return database_; }

 private:
  friend class Database;
  enum class Kind { reads, writes };
  Transaction(Database& database, Kind kind);
  ~Transaction();  // rolled back, unless it was committed
  void commit();
  Database& database_;
  Kind kind_;
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

  /// Does `change`, which may take the Transaction&, in one transaction that starts with the write lock, waits for
  /// other processes as long as a minute (five seconds, once a stop is asked; then Error(try_later), and from there on
  /// it waits for nobody any more), and is on disk when this returns what `change` did; rolled back if `change` throws.
  /// SQLite's exceptions leave as Error(disk), or Error(defect) where the statement is at fault. Error(disk) too if the
  /// file is not where it was opened any more.
  template <class Change>
  auto write(Change&& change) {
    try {
      Transaction transaction(*this, Transaction::Kind::writes);
      return transact(transaction, transaction, change);
    } catch (const SQLite::Exception& exception) {
      throw ledger_error(exception, path_);
    }
  }

  /// The same for reading: one snapshot. `look` may take the const Transaction&.
  template <class Look>
  auto read(Look&& look) {
    try {
      Transaction transaction(*this, Transaction::Kind::reads);
      return transact(transaction, std::as_const(transaction), look);
    } catch (const SQLite::Exception& exception) {
      throw reading_error(exception, path_);
    }
  }

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
  int schema();
  void check_ours();
  void switch_to_wal();
  void migrate();

  template <class Given, class Body>
  static auto transact(Transaction& transaction, Given& given, Body& body) {
    const auto result_of = [&] {
      if constexpr (std::is_invocable_v<Body&, Given&>) {
        return body(given);
      } else {
        return body();
      }
    };
    if constexpr (std::is_void_v<decltype(result_of())>) {
      result_of();
      transaction.commit();
    } else {
      auto result = result_of();
      transaction.commit();
      return result;
    }
  }

  std::filesystem::path path_;
  std::unique_ptr<LedgerFile> file_;  // opened before SQLite's, and closed after it
  std::unique_ptr<Patience> patience_;
  std::unique_ptr<SQLite::Database> handle_;
};

/// Throws Error(disk) if the file is damaged. Reads all of it.
void check_sound(Database& database);

/// Adds `participant_profile` to the view `outcomes`; for [ledger] keep_profile. In a transaction of its own.
void show_profiles(Database& database);

}  // namespace convoke
