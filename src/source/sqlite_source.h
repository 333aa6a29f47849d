// Members from a query on a SQLite file, which is opened read-only and only seen through one SELECT. The file may come
// from anybody: what is in it, and in the query, can read and compute, and nothing else.
#pragma once

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <memory>
#include <string>

#include "source/columns.h"
#include "source/member_source.h"

namespace convoke {

class SqliteSource final : public MemberSource {
 public:
  explicit SqliteSource(const SqliteSettings& settings, std::stop_token stop = {});
  SqliteSource(const SqliteSource&) = delete;
  SqliteSource& operator=(const SqliteSource&) = delete;

  std::optional<SourceRow> next() override;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  /// Of all of this process's SQLite, as a database alone has no limit; the ledger needs little meanwhile.
  struct MemoryLimit {
    MemoryLimit();
    ~MemoryLimit();
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  void restrict();
  Statement prepare(const char* sql, const char** rest);
  bool step();                                ///< to the next row; false at the end
  [[noreturn]] void fail_at(int code) const;  ///< of the row that was to come
  bool is_empty_row();
  std::size_t column_count() const;
  std::string_view text_of(std::size_t at);  ///< of the row's column; empty if it is none
  std::vector<std::vector<std::string>> first_rows();

  std::string path_;
  std::stop_token stop_;
  MemoryLimit memory_limit_;
  std::unique_ptr<SQLite::Database> database_;
  Statement query_;
  Columns columns_;
  std::uint64_t row_ = 0;
};

}  // namespace convoke
