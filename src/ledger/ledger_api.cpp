#include "ledger/ledger_api.h"

#include <fmt/format.h>

#include "ledger/statement.h"

namespace convoke {

LedgerApi api_of(Database& database) {
  const auto row = Statement(database, "SELECT base_url, rehearsal FROM api").row<std::optional<std::string>, bool>();
  return row ? LedgerApi{std::get<0>(*row), std::get<1>(*row)} : LedgerApi{};
}

bool has_answers(Database& database) {
  return Statement(database, R"sql(
    SELECT EXISTS (SELECT 1 FROM target WHERE accepted = 1)
           OR EXISTS (SELECT 1 FROM chunk
                      WHERE doubt = 1 OR outcome IN ('invited', 'already_invited', 'rejected', 'in_doubt'))
           OR EXISTS (SELECT 1 FROM call WHERE open = 1)
  )sql")
      .the<bool>();
}

void check_api(Database& database, const std::string& base_url) {
  const LedgerApi api = api_of(database);
  if (api.is_rehearsal && base_url != rehearsal_api) {
    throw Error(Exit::bad_config, "this is the ledger of a rehearsal", database.path().string(),
                "name another with --ledger: what a rehearsal says of members is nothing to the API");
  }
  if (!api.base_url || *api.base_url == base_url) return;
  if (!has_answers(database)) return;
  throw Error(
      Exit::bad_config,
      fmt::format("this ledger belongs to the API at {}, and api.base_url is {}: what one API says of members is "
                  "nothing to another",
                  *api.base_url, base_url),
      database.path().string(),
      "keep a ledger for each API (--ledger FILE); to rehearse: convoke run JOB --rehearse; if the API itself has "
      "moved, see docs/ledger.md");
}

void belong_to_api(Transaction& transaction, const std::string& base_url) {
  Database& database = transaction.database();
  if (api_of(database).base_url == base_url) return;  // as at every claim but the first
  check_api(database, base_url);
  Statement(transaction, "UPDATE api SET base_url = ?1 WHERE ifnull(base_url, '') <> ?1").run(base_url);
}

void start_rehearsal(Database& database, JobId job) {
  database.write([&](Transaction& transaction) {
    const bool is_new = !Statement(transaction, "SELECT EXISTS (SELECT 1 FROM run)").the<bool>();
    if (!is_new && !api_of(database).is_rehearsal) {
      throw Error(Exit::bad_config, "this is a ledger, and not a rehearsal's", database.path().string(),
                  "move it away: a rehearsal begins anew each time");
    }
    Statement(transaction, "UPDATE api SET rehearsal = 1").run();
    for (const char* sql : {"DELETE FROM call WHERE run_id IN (SELECT run_id FROM run WHERE job_id = ?)",
                            "DELETE FROM run WHERE job_id = ?", "DELETE FROM chunk WHERE job_id = ?",
                            "DELETE FROM target WHERE job_id = ?", "DELETE FROM invalid_row WHERE job_id = ?",
                            R"sql(
                              UPDATE job SET origin = '', fingerprint = '', rows_read = 0, invalid = 0, duplicates = 0,
                                     mended = 0, half_read = 0
                              WHERE job_id = ?
                            )sql"})
      Statement(transaction, sql).run(job);
  });
}

}  // namespace convoke
