#include "ledger/invalid_rows.h"

#include "ledger/statement.h"

namespace convoke {
namespace {

constexpr std::size_t rows_a_write = 4096;
constexpr std::size_t longest_value_kept = 200;

}  // namespace

InvalidRows::InvalidRows(Database& database) : database_(database) {
  database_.write([&] {
    database_.handle().exec(R"sql(
      PRAGMA temp.cache_size = -1000;
      CREATE TEMP TABLE IF NOT EXISTS found (line INTEGER, value TEXT, reason TEXT);
      DELETE FROM temp.found;
    )sql");
  });
}

void InvalidRows::add(std::uint64_t line, std::string_view value, Reason reason) {
  waiting_.push_back({line, std::string(value.substr(0, longest_value_kept)), reason});
  if (waiting_.size() < rows_a_write) return;
  database_.write([&](Transaction& transaction) { insert_waiting(transaction); });
}

void InvalidRows::take_over(Transaction& transaction, JobId job) {
  // (An older convoke had those of a reading under way in the same table, under a negative number.)
  Statement(transaction, "DELETE FROM invalid_row WHERE job_id IN (?1, -?1)").run(job);
  insert_waiting(transaction);
  Statement(transaction, "INSERT INTO invalid_row SELECT ?, line, value, reason FROM temp.found ORDER BY rowid")
      .run(job);
  Statement(transaction, "DELETE FROM temp.found").run();
}

void InvalidRows::insert_waiting(Transaction& transaction) {
  try {
    Statement insert(transaction, "INSERT INTO temp.found VALUES (?, ?, ?)");
    for (const InvalidRow& row : waiting_) insert.run(row.line, row.value, row.reason);
  } catch (const SQLite::Exception& exception) {
    throw temporary_error(exception, "the list's invalid rows");
  }
  waiting_.clear();
}

}  // namespace convoke
