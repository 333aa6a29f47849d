#include "source/sqlite_source.h"

#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "source/columns.h"
#include "source/input_file.h"

namespace convoke {
namespace {

constexpr int patience_ms = 10'000;      // how long another program's lock is waited out
constexpr int steps_unwatched = 10'000;  // of SQLite's virtual machine, between looks at whether to stop: under 1 ms

/// What SQLite said, as what it means for the operator.
[[noreturn]] void fail(const std::string& path, int code, const std::string& message) {
  switch (code & 0xFF) {  // the primary code
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(Exit::try_later, "is locked by another program", path, "run again when that program is done");
    case SQLITE_NOTADB:
      throw Error(Exit::bad_source, "is not a SQLite database", path);
    case SQLITE_CORRUPT:
      throw Error(Exit::bad_source, "is damaged: " + excerpt(message), path, "sqlite3 FILE .recover");
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

}  // namespace

SqliteSource::SqliteSource(const SqliteSettings& settings, std::stop_token stop)
    : path_(settings.path), stop_(std::move(stop)) {
  // Says better than SQLite what is wrong with a file that is not there; and SQLite would wait for a pipe forever.
  if (!InputFile(path_).size()) throw Error(Exit::bad_source, "is not a SQLite database: it is no regular file", path_);
  try {
    database_ = std::make_unique<SQLite::Database>(path_, SQLite::OPEN_READONLY, patience_ms);
  } catch (const SQLite::Exception& error) {
    fail(path_, error.getErrorCode(), error.what());
  }
  if (stop_.stop_possible()) {
    const auto is_stop_asked = [](void* token) {
      return static_cast<std::stop_token*>(token)->stop_requested() ? 1 : 0;
    };
    sqlite3_progress_handler(database_->getHandle(), steps_unwatched, is_stop_asked, &stop_);
  }
  const char* rest = nullptr;
  query_ = prepare(settings.query.c_str(), &rest);
  // What follows the statement may be blanks, semicolons and comments: SQLite makes no statement of them.
  bool alone = true;
  while (alone && rest != nullptr && *rest != '\0') alone = prepare(rest, &rest) == nullptr;
  if (!query_ || !alone || sqlite3_stmt_readonly(query_.get()) == 0 || sqlite3_column_count(query_.get()) == 0) {
    throw Error(Exit::bad_source, "source.query: the query must be one SELECT", path_);
  }
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(sqlite3_column_count(query_.get())));
  for (int i = 0; i < sqlite3_column_count(query_.get()); ++i) {
    names.emplace_back(sqlite3_column_name(query_.get(), i));
  }
  const std::string where = path_ + ": source.query";
  member_column_ =
      static_cast<int>(column_index(names, settings.member_column, where, [this] { return first_rows(); }));
  if (settings.course_column) course_column_ = static_cast<int>(column_index(names, *settings.course_column, where));
}

std::optional<SourceRow> SqliteSource::next() {
  do {
    if (!step()) return std::nullopt;
    ++row_;
  } while (is_empty_row());
  return SourceRow{row_, text_of(member_column_), course_column_ < 0 ? std::string_view() : text_of(course_column_)};
}

SqliteSource::Statement SqliteSource::prepare(const char* sql, const char** rest) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database_->getHandle(), sql, -1, &statement, rest);
  if (code != SQLITE_OK) fail(path_, code, sqlite3_errmsg(database_->getHandle()));
  return Statement(statement);
}

bool SqliteSource::step() {
  const int code = sqlite3_step(query_.get());
  if (code == SQLITE_ROW || code == SQLITE_DONE) return code == SQLITE_ROW;
  if (stop_.stop_requested()) throw ReadingStopped{};
  fail(path_, code, sqlite3_errmsg(database_->getHandle()));
}

bool SqliteSource::is_empty_row() {
  if (!text_of(member_column_).empty()) return false;
  for (int i = 0; i < sqlite3_column_count(query_.get()); ++i) {
    if (!text_of(i).empty()) return false;
  }
  return true;
}

std::vector<std::vector<std::string>> SqliteSource::first_rows() {
  std::vector<std::vector<std::string>> rows;
  try {
    while (rows.size() < rows_looked_at && step()) {
      auto& row = rows.emplace_back();
      for (int i = 0; i < sqlite3_column_count(query_.get()); ++i) row.emplace_back(text_of(i));
    }
  } catch (const Error&) {
    // What is wrong with the rows is not what is to be said now.
  }
  return rows;
}

std::string_view SqliteSource::text_of(int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(query_.get(), column));
  if (text == nullptr) return {};
  return trim_blanks({text, static_cast<std::size_t>(sqlite3_column_bytes(query_.get(), column))});
}

}  // namespace convoke
