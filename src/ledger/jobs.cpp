#include "ledger/jobs.h"

#include <fmt/format.h>

#include <filesystem>

namespace convoke {

void check_origin(Database& database, JobId job, const std::string& name, const std::string& origin) {
  // Where no list was ever read, there is nobody whom another could withdraw.
  SQLite::Statement query(
      database.handle(), "SELECT origin FROM job WHERE job_id = ?1 AND EXISTS (SELECT 1 FROM chunk WHERE job_id = ?1)");
  query.bind(1, job);
  if (!query.executeStep()) return;
  const std::string known = query.getColumn(0).getString();
  // A job's file that is no longer where it was has moved, and the job with it.
  std::error_code ignored;
  const bool has_moved =
      known.ends_with(".toml") && origin.ends_with(".toml") && !std::filesystem::exists(known, ignored);
  if (known.empty() || known == origin || has_moved) return;
  throw Error(Exit::bad_config,
              fmt::format("the ledger knows another job called {}: {}, and this one is {}; as one job, each would "
                          "withdraw the other's members",
                          name, known, origin),
              database.path().string(),
              origin.ends_with(".toml") ? "give this one a name of its own: name = \"…\" in its file"
                                        : "give this one a name of its own: --name NAME");
}

void keep_origin(Database& database, JobId job, const std::string& name, const std::string& origin) {
  database.write([&] {
    check_origin(database, job, name, origin);
    SQLite::Statement update(database.handle(), "UPDATE job SET origin = ? WHERE job_id = ?");
    update.bind(1, origin);
    update.bind(2, job);
    update.exec();
  });
}

std::optional<JobId> find_job(Database& database, const std::string& name) {
  SQLite::Statement query(database.handle(), "SELECT job_id FROM job WHERE name = ?");
  query.bind(1, name);
  return query.executeStep() ? std::optional(query.getColumn(0).getInt64()) : std::nullopt;
}

JobId job_id(Database& database, const std::string& name) {
  JobId id = 0;
  database.write([&] {
    SQLite::Statement insert(database.handle(), "INSERT INTO job (name) VALUES (?) ON CONFLICT DO NOTHING");
    insert.bind(1, name);
    insert.exec();
    id = find_job(database, name).value();
  });
  return id;
}

}  // namespace convoke
