#include "ledger/jobs.h"

#include <fmt/format.h>

#include <filesystem>

#include "ledger/statement.h"

namespace convoke {

std::vector<KnownJob> known_jobs(Database& database) {
  Statement query(database, "SELECT job_id, name, origin FROM job ORDER BY name");
  std::vector<KnownJob> jobs;
  for (const auto& [id, name, origin] : query.rows<JobId, std::string, std::string>())
    jobs.push_back({id, name, origin});
  return jobs;
}

void check_origin(Database& database, JobId job, const std::string& name, const std::string& origin) {
  // Where no list was ever read, there is nobody whom another could withdraw.
  Statement query(database, R"sql(
    SELECT origin FROM job WHERE job_id = ?1 AND EXISTS (SELECT 1 FROM chunk WHERE job_id = ?1)
  )sql");
  const std::string known = query.row<std::string>(job).value_or("");
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
  database.write([&](Transaction& transaction) {
    check_origin(database, job, name, origin);
    Statement(transaction, "UPDATE job SET origin = ? WHERE job_id = ?").run(origin, job);
  });
}

std::optional<JobId> find_job(Database& database, const std::string& name) {
  return Statement(database, "SELECT job_id FROM job WHERE name = ?").row<JobId>(name);
}

JobId job_id(Database& database, const std::string& name) {
  return database.write([&](Transaction& transaction) {
    Statement(transaction, "INSERT INTO job (name) VALUES (?) ON CONFLICT DO NOTHING").run(name);
    return find_job(database, name).value();
  });
}

}  // namespace convoke
