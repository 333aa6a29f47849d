#include "ledger/known_jobs.h"

#include "ledger/statement.h"

namespace convoke {

std::vector<KnownJob> known_jobs(Database& database) {
  Statement query(database, "SELECT job_id, name, origin FROM job ORDER BY name");
  std::vector<KnownJob> jobs;
  for (const auto& [id, name, origin] : query.rows<JobId, std::string, std::string>())
    jobs.push_back({id, name, origin});
  return jobs;
}

std::int64_t calls_due(Database& database, JobId job) {
  return Statement(database, R"sql(
    SELECT count(*) FROM chunk INDEXED BY chunk_books WHERE job_id = ? AND outcome = 'pending')sql")
      .the<std::int64_t>(job);
}

std::optional<Duration> mean_latency(Database& database) {
  const auto latency = Statement(database, R"sql(
    SELECT avg(latency_ms) FROM (
      SELECT latency_ms FROM call WHERE http_status IS NOT NULL ORDER BY call_id DESC LIMIT 100))sql")
                           .the<std::optional<double>>();
  return latency ? std::optional(Duration(static_cast<Duration::rep>(*latency * 1000))) : std::nullopt;
}

void check_sound(Database& database) {
  const auto sound = Statement(database, "PRAGMA quick_check(1)").the<std::string>();
  if (sound != "ok")
    throw Error(Exit::disk, "is damaged: " + sound, database.path().string(), "see docs/ledger.md on backups");
}

}  // namespace convoke
