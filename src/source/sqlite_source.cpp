#include "source/sqlite_source.h"

#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <thread>

#include "base/blanks.h"
#include "base/error.h"
#include "base/text.h"
#include "source/input_file.h"

namespace convoke {
namespace {

using namespace std::chrono_literals;

constexpr auto lock_patience = 10'000ms;  // how long another program's lock is waited out
constexpr auto lock_look = 20ms;          // between looks at that lock, and at whether to stop
constexpr int largest_value = static_cast<int>(longest_value);
constexpr int largest_memory =
    64 << 20;                            // bytes that SQLite may take: a view makes thousands of such values of nothing
constexpr int steps_unwatched = 10'000;  // of SQLite's virtual machine, between looks at whether to stop: under 1 ms

constexpr auto columns_hint = "let the query select the columns that are needed, and no others";

/// What SQLite said, as what it means for the operator.
[[noreturn]] void fail(const std::string& path, int code, const std::string& message) {
  // Where the authorizer said no; the code is one of several.
  if (message.starts_with("not authorized")) {
    throw Error(Exit::bad_source, "source.query: the query must be one SELECT, which only reads: " + excerpt(message),
                path, "it may not change, attach, set or load anything");
  }
  switch (code & 0xFF) {  // the primary code
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(Exit::try_later, "is locked by another program", path, "run again when that program is done");
    case SQLITE_NOTADB:
      throw Error(Exit::bad_source, "is not a SQLite database", path);
    case SQLITE_CORRUPT:
      throw Error(Exit::bad_source, "is damaged: " + excerpt(message), path, "sqlite3 FILE .recover");
    case SQLITE_NOMEM:
      throw Error(Exit::bad_source, fmt::format("source.query: takes more than {} MiB of memory", largest_memory >> 20),
                  path, columns_hint);
    case SQLITE_IOERR:
      throw Error(Exit::disk, "reading failed: " + excerpt(message), path);
    case SQLITE_CANTOPEN:
      throw Error(
          Exit::no_input, "cannot be opened: " + excerpt(message), path,
          "a database in WAL mode can only be read where its folder is writable, or its -wal and -shm are there");
    default:
      throw Error(Exit::bad_source, "source.query: " + excerpt(message), path);
  }
}

/// What a query may do: read and compute. The functions are those that load code, or that other builds of SQLite have
/// for files; the pragmas those that full-text tables read, and that tell of tables.
int allow(void*, int action, const char* first, const char* second, const char*, const char*) {
  const auto is_one_of = [](const char* word, const auto& words) {
    return word != nullptr && std::find(words.begin(), words.end(), std::string_view(word)) != words.end();
  };
  constexpr std::array<std::string_view, 5> functions = {"load_extension", "readfile", "writefile", "edit",
                                                         "fts3_tokenizer"};
  constexpr std::array<std::string_view, 7> pragmas = {"data_version", "page_size",  "table_info", "table_xinfo",
                                                       "table_list",   "index_list", "index_info"};
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_UPDATE:  // asked by SQLite of itself where it declares a virtual table; for all others DEFENSIVE says
                         // no
      return is_one_of(first, std::array<std::string_view, 1>{"sqlite_master"}) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
      return is_one_of(second, functions) ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
      return is_one_of(first, pragmas) ? SQLITE_OK : SQLITE_DENY;
    default:
      return SQLITE_DENY;
  }
}

/// Waits for another program's lock, as long as nobody wants to stop.
int wait_for_other(void* stop, int waits) {
  if (static_cast<std::stop_token*>(stop)->stop_requested() || waits * lock_look >= lock_patience) return 0;
  std::this_thread::sleep_for(lock_look);
  return 1;
}

/// Says better than SQLite what is wrong with a file that is not there. Not by opening it: where the list is the ledger
/// itself, closing it again would take SQLite's locks away (ledger/ledger_file.h).
void check_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || ::access(path.c_str(), R_OK) != 0) throw_not_opened(path, errno);
  if (S_ISDIR(status.st_mode)) throw Error(Exit::bad_source, "is a folder, not a file", path);
  // SQLite would wait for a pipe forever.
  if (!S_ISREG(status.st_mode)) throw Error(Exit::bad_source, "is not a SQLite database: it is no regular file", path);
}

}  // namespace

SqliteSource::SqliteSource(const SqliteSettings& settings, std::stop_token stop)
    : path_(settings.path), stop_(std::move(stop)) {
  check_file(path_);
  try {
    database_ = std::make_unique<SQLite::Database>(std::filesystem::absolute(path_).string(), SQLite::OPEN_READONLY);
  } catch (const SQLite::Exception& error) {
    fail(path_, error.getErrorCode(), error.what());
  }
  restrict();
  const char* rest = nullptr;
  query_ = prepare(settings.query.c_str(), &rest);
  // What follows the statement may be blanks, semicolons and comments: SQLite makes no statement of them.
  bool alone = true;
  while (alone && rest != nullptr && *rest != '\0') alone = prepare(rest, &rest) == nullptr;
  if (!query_ || !alone || sqlite3_stmt_readonly(query_.get()) == 0 || sqlite3_column_count(query_.get()) == 0) {
    throw Error(Exit::bad_source, "source.query: the query must be one SELECT", path_);
  }
  std::vector<std::string> names;
  names.reserve(column_count());
  for (std::size_t i = 0; i < column_count(); ++i) {
    names.emplace_back(sqlite3_column_name(query_.get(), static_cast<int>(i)));
  }
  columns_ = columns_by_name(names, names_in(settings), path_ + ": source.query", [this] { return first_rows(); });
}

SqliteSource::MemoryLimit::MemoryLimit() {
  sqlite3_hard_heap_limit64(largest_memory);
}

SqliteSource::MemoryLimit::~MemoryLimit() {
  sqlite3_hard_heap_limit64(0);
  sqlite3_soft_heap_limit64(0);  // which the other one has set, too
}

void SqliteSource::restrict() {
  sqlite3* handle = database_->getHandle();
  sqlite3_busy_handler(handle, wait_for_other, &stop_);
  const auto is_stop_asked = [](void* token) { return static_cast<std::stop_token*>(token)->stop_requested() ? 1 : 0; };
  sqlite3_progress_handler(handle, steps_unwatched, is_stop_asked, &stop_);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, largest_value);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // Views and the like of the file itself: harmless functions only.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_set_authorizer(handle, allow, nullptr);
}

std::optional<SourceRow> SqliteSource::next() {
  do {
    if (!step()) return std::nullopt;
    ++row_;
  } while (is_empty_row());
  return SourceRow{row_, text_of(columns_.member), text_of(columns_.target), text_of(columns_.email)};
}

SqliteSource::Statement SqliteSource::prepare(const char* sql, const char** rest) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database_->getHandle(), sql, -1, &statement, rest);
  if (code != SQLITE_OK) fail_at(code);
  return Statement(statement);
}

bool SqliteSource::step() {
  const int code = sqlite3_step(query_.get());
  if (code == SQLITE_ROW || code == SQLITE_DONE) return code == SQLITE_ROW;
  fail_at(code);
}

void SqliteSource::fail_at(int code) const {
  if (stop_.stop_requested()) throw ReadingStopped{};
  if ((code & 0xFF) == SQLITE_TOOBIG && query_) {
    throw Error(Exit::bad_source,
                fmt::format("source.query: row {}: a value is longer than {} bytes", row_ + 1, largest_value), path_,
                columns_hint);
  }
  fail(path_, code, sqlite3_errmsg(database_->getHandle()));
}

bool SqliteSource::is_empty_row() {
  if (!text_of(columns_.member).empty()) return false;
  for (std::size_t i = 0; i < column_count(); ++i) {
    if (!text_of(i).empty()) return false;
  }
  return true;
}

std::vector<std::vector<std::string>> SqliteSource::first_rows() {
  std::vector<std::vector<std::string>> rows;
  try {
    while (rows.size() < rows_looked_at && step()) {
      auto& row = rows.emplace_back();
      for (std::size_t i = 0; i < column_count(); ++i) row.emplace_back(text_of(i));
    }
  } catch (const Error&) {
    // What is wrong with the rows is not what is to be said now.
  }
  return rows;
}

std::size_t SqliteSource::column_count() const {
  return static_cast<std::size_t>(sqlite3_column_count(query_.get()));
}

std::string_view SqliteSource::text_of(std::size_t at) {
  if (at == Columns::none) return {};
  const auto column = static_cast<int>(at);
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(query_.get(), column));
  if (text == nullptr && sqlite3_errcode(database_->getHandle()) == SQLITE_NOMEM) fail_at(SQLITE_NOMEM);
  if (text == nullptr) return {};
  return trim_blanks({text, static_cast<std::size_t>(sqlite3_column_bytes(query_.get(), column))});
}

}  // namespace convoke
