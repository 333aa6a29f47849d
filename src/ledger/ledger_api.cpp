#include "ledger/ledger_api.h"

#include <fmt/format.h>

namespace convoke {

LedgerApi api_of(Database& database) {
  LedgerApi api;
  SQLite::Statement query(database.handle(), "SELECT base_url, rehearsal FROM api");
  if (!query.executeStep()) return api;
  if (!query.getColumn(0).isNull()) api.base_url = query.getColumn(0).getString();
  api.is_rehearsal = query.getColumn(1).getInt() != 0;
  return api;
}

bool has_answers(Database& database) {
  return database.handle()
             .execAndGet(
                 "SELECT EXISTS (SELECT 1 FROM course WHERE accepted = 1) OR EXISTS (SELECT 1 FROM chunk WHERE "
                 "doubt = 1 OR outcome IN ('invited', 'already_invited', 'rejected', 'in_doubt')) OR EXISTS "
                 "(SELECT 1 FROM call WHERE open = 1)")
             .getInt() != 0;
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

void belong_to_api(Database& database, const std::string& base_url) {
  if (api_of(database).base_url == base_url) return;  // as at every claim but the first
  check_api(database, base_url);
  SQLite::Statement update(database.handle(), "UPDATE api SET base_url = ?1 WHERE ifnull(base_url, '') <> ?1");
  update.bind(1, base_url);
  update.exec();
}

void start_rehearsal(Database& database, JobId job) {
  database.write([&] {
    const bool is_new = database.handle().execAndGet("SELECT count(*) FROM run").getInt() == 0;
    if (!is_new && !api_of(database).is_rehearsal) {
      throw Error(Exit::bad_config, "this is a ledger, and not a rehearsal's", database.path().string(),
                  "move it away: a rehearsal begins anew each time");
    }
    for (const char* sql : {"UPDATE api SET rehearsal = 1 WHERE ?1 = ?1",
                            "DELETE FROM call WHERE run_id IN (SELECT run_id FROM run WHERE job_id = ?1)",
                            "DELETE FROM run WHERE job_id = ?1", "DELETE FROM chunk WHERE job_id = ?1",
                            "DELETE FROM course WHERE job_id = ?1", "DELETE FROM invalid_row WHERE job_id = ?1",
                            R"(UPDATE job SET origin = '', fingerprint = '', rows_read = 0, invalid = 0, duplicates = 0,
                               mended = 0, half_read = 0 WHERE job_id = ?1)"}) {
      SQLite::Statement statement(database.handle(), sql);
      statement.bind(1, job);
      statement.exec();
    }
  });
}

}  // namespace convoke
