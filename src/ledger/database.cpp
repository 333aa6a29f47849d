#include "ledger/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <thread>

#include "ledger/job_lock.h"
#include "ledger/statement.h"
#include "ledger_schema.h"

namespace convoke {
namespace {

using namespace std::chrono_literals;

// An older ledger of schema n becomes one of n + 1 by migrations[n - 1]; a new one is made as schema.sql has it.
constexpr std::array migrations = {ledger_from_1_to_2, ledger_from_2_to_3, ledger_from_3_to_4, ledger_from_4_to_5,
                                   ledger_from_5_to_6};
constexpr int schema_version = static_cast<int>(migrations.size()) + 1;
constexpr int application_id = 0x43766B65;  // "Cvke", so that `file` and we know a ledger from any other database

constexpr auto longest_wait = 60s;
constexpr auto longest_wait_once_stopped = 5s;
constexpr auto wait_worth_a_word = 3s;
constexpr const char* restore_it =
    "this is not a ledger, or it is damaged: name another with --ledger, or restore it from a backup";

bool is_our_fault(int code) {
  switch (code & 0xFF) {
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
      return true;
    default:
      return false;
  }
}

}  // namespace

// Waits for another process's transaction: short, and of random length, so that of several none starves. SQLite's own
// busy handler sleeps in fixed steps of up to 100 ms, which loses to a neighbour that commits every few milliseconds.
// Whoever has waited in vain does not wait again: what ends the run may want to write, too.
bool Database::Patience::wait_on(int waits) {
  static thread_local std::minstd_rand random(std::random_device{}());
  const auto now = std::chrono::steady_clock::now();
  if (waits == 0) since = now;
  const auto longest = wait.stop.stop_requested() ? longest_wait_once_stopped : longest_wait;
  is_over = is_over || now - since >= longest;
  if (is_over) return false;
  if (!has_warned && now - since >= wait_worth_a_word && wait.warn) {
    has_warned = true;
    wait.warn("another program holds the ledger's write lock: waiting for it");
  }
  const auto step = std::min(200us * (1 + waits), 5'000us);
  std::this_thread::sleep_for(std::uniform_int_distribution<std::int64_t>(step.count() / 2, step.count())(random) *
                              1us);
  return true;
}

// Processes that open a new ledger at once meet here, where SQLite does not call the busy handler.
void Database::switch_to_wal() {
  for (int waits = 0;; ++waits) {
    try {
      handle_->exec("PRAGMA journal_mode = WAL");
      return;
    } catch (const SQLite::Exception& exception) {
      if ((exception.getErrorCode() & 0xFF) != SQLITE_BUSY || !patience_->wait_on(waits)) throw;
    }
  }
}

Error ledger_error(const SQLite::Exception& exception, const std::filesystem::path& path) {
  const int code = exception.getErrorCode();
  if (is_our_fault(code))
    return {Exit::defect, exception.what(), path.string(), "report this, with the command that led to it"};
  if ((code & 0xFF) == SQLITE_BUSY) {
    return {Exit::try_later, "another program holds the ledger's write lock", path.string(),
            "let it finish, and run again; fuser, with the ledger's path, says which it is"};
  }
  std::string hint = "see that the ledger's folder can be written and has room; nothing that was committed is lost";
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) hint = restore_it;
  return {Exit::disk, fmt::format("the ledger failed: {}", exception.what()), path.string(), std::move(hint)};
}

Error damaged_ledger(const Database& database, const std::string& what) {
  return {Exit::disk, "the ledger is damaged: " + what, database.path().string(), "restore it from a backup"};
}

SQLite::Database temporary_database(const std::string& tables) {
  SQLite::Database database("", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;" + tables);
  return database;
}

Error temporary_error(const SQLite::Exception& exception, const std::string& what) {
  return {Exit::disk, fmt::format("{} cannot be kept in a temporary file: {}", what, exception.what()),
          "temporary files", "make room there, or name a folder that has some: SQLITE_TMPDIR"};
}

Error reading_error(const SQLite::Exception& exception, const std::filesystem::path& path) {
  if (exception.getErrorCode() != SQLITE_ERROR) return ledger_error(exception, path);
  return {Exit::disk, fmt::format("the ledger cannot be read: {}", exception.what()), path.string(), restore_it};
}

Database::Database(std::filesystem::path path, LedgerFile::Access access, LockWait wait)
    : path_(std::move(path)),
      file_(std::make_unique<LedgerFile>(path_, access)),
      patience_(std::make_unique<Patience>(Patience{std::move(wait), {}})) {
  try {
    // Absolute: no name is one that SQLite takes for something else.
    handle_ = std::make_unique<SQLite::Database>(
        std::filesystem::absolute(path_).string(),
        access == LedgerFile::Access::write ? SQLite::OPEN_READWRITE : SQLite::OPEN_READONLY);
    const auto wait_on = [](void* patience, int waits) {
      return static_cast<Patience*>(patience)->wait_on(waits) ? 1 : 0;
    };
    sqlite3_busy_handler(handle_->getHandle(), wait_on, patience_.get());
    sqlite3_extended_result_codes(handle_->getHandle(), 0);
  } catch (const SQLite::Exception& exception) {
    throw ledger_error(exception, path_);
  }
}

int Database::schema() {
  return Statement(*this, "PRAGMA user_version").the<int>();
}

// Whether it is a ledger that we know, or an empty file that can become one. Before anything is set: even a pragma may
// change what is not ours.
void Database::check_ours() {
  const int version = schema();
  const int id = Statement(*this, "PRAGMA application_id").the<int>();
  const bool is_empty = Statement(*this, "SELECT count(*) FROM sqlite_master").the<int>() == 0;
  if (id != application_id && !(is_empty && id == 0 && version == 0)) {
    throw Error(Exit::disk, "this is a database of something else", path_.string(), "name another file with --ledger");
  }
  if (version > schema_version) {
    throw Error(Exit::bad_config,
                fmt::format("a newer convoke wrote this ledger (schema {}, known {})", version, schema_version),
                path_.string(), "use that version of convoke");
  }
}

Database Database::open(const std::filesystem::path& path, Durability durability, LockWait wait) {
  Database database(path, LedgerFile::Access::write, std::move(wait));
  database.read([&] { database.check_ours(); });
  try {
    auto& handle = *database.handle_;
    handle.exec(durability == Durability::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
    // Rows of a chunk are a few KiB: bigger pages hold them without overflow chains.
    handle.exec("PRAGMA page_size = 16384");
    database.switch_to_wal();
    handle.exec("PRAGMA cache_size = -8000");
    handle.exec("PRAGMA wal_autocheckpoint = 2000");
    database.migrate();
  } catch (const SQLite::Exception& exception) {
    throw ledger_error(exception, path);
  }
  database.file_->note_companions();
  return database;
}

Database Database::open_to_read(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    throw Error(Exit::no_input, "there is no ledger here", path.string(),
                "run a job first, or name the ledger with --ledger");
  }
  {
    Database database(path, LedgerFile::Access::read, {});
    const int version = database.read([&] {
      database.check_ours();
      return database.schema();
    });
    if (version == schema_version) return database;
  }
  open(path);  // brings it up to date, or says why not
  return {path, LedgerFile::Access::read, {}};
}

void Database::migrate() {
  if (schema() == schema_version) return;
  write([&] {
    check_ours();  // again, now that nobody else can change it
    const int from = schema();
    if (from == schema_version) return;  // another process was quicker
    // A run of the older convoke would find its views and columns changed under it.
    if (from > 0 && JobLock::is_any_held(*file_)) {
      throw Error(Exit::try_later, "an older convoke is running on this ledger, which must be brought up to date first",
                  path_.string(), "let that run end, and try again");
    }
    if (from == 0) {
      handle_->exec(ledger_schema);
    } else {
      // Views speak of columns that a migration changes.
      for (const char* view : {"outcomes", "outcomes_of_chunks", "invalid_rows", "runs", "calls"})
        handle_->exec(fmt::format("DROP VIEW {}", view));
      for (int next = from; next < schema_version; ++next)
        handle_->exec(migrations[static_cast<std::size_t>(next) - 1]);
    }
    handle_->exec(ledger_views);
    handle_->exec(fmt::format("PRAGMA application_id = {}", application_id));
    handle_->exec(fmt::format("PRAGMA user_version = {}", schema_version));
  });
}

Transaction::Transaction(Database& database, Kind kind) : database_(database), kind_(kind) {
  database_.handle().exec(kind == Kind::writes ? "BEGIN IMMEDIATE" : "BEGIN");
}

// SQLite may have rolled back by itself (a full disk); then there is nothing left to roll back.
Transaction::~Transaction() {
  sqlite3* handle = database_.handle().getHandle();
  if (sqlite3_get_autocommit(handle) == 0) sqlite3_exec(handle, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.handle().exec("COMMIT");
  if (kind_ == Kind::writes) database_.file().check_in_place();
}

void check_sound(Database& database) {
  const auto sound = Statement(database, "PRAGMA quick_check(1)").the<std::string>();
  if (sound != "ok")
    throw Error(Exit::disk, "is damaged: " + sound, database.path().string(), "see docs/ledger.md on backups");
}

void show_profiles(Database& database) {
  database.write([](Transaction& transaction) {
    const auto names =
        Statement(transaction, "SELECT group_concat(name, ', ') FROM pragma_table_info('outcomes')").the<std::string>();
    if (names.find("participant_profile") != std::string::npos) return;
    SQLite::Database& handle = transaction.database().handle();
    handle.exec("DROP VIEW outcomes");
    handle.exec(fmt::format("CREATE VIEW outcomes AS SELECT {}, participant_profile FROM outcomes_of_chunks", names));
  });
}

}  // namespace convoke
