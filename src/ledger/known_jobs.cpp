#include "ledger/known_jobs.h"

namespace convoke {

std::vector<KnownJob> known_jobs(Database& database) {
  std::vector<KnownJob> jobs;
  SQLite::Statement query(database.handle(), "SELECT job_id, name, origin FROM job ORDER BY name");
  while (query.executeStep())
    jobs.push_back({query.getColumn(0).getInt64(), query.getColumn(1).getString(), query.getColumn(2).getString()});
  return jobs;
}

std::int64_t calls_due(Database& database, JobId job) {
  SQLite::Statement query(database.handle(),
                          "SELECT count(*) FROM chunk INDEXED BY chunk_books WHERE job_id = ? AND outcome = 'pending'");
  query.bind(1, job);
  query.executeStep();
  return query.getColumn(0).getInt64();
}

std::optional<Duration> mean_latency(Database& database) {
  SQLite::Statement query(database.handle(),
                          "SELECT avg(latency_ms) FROM (SELECT latency_ms FROM call WHERE http_status IS NOT NULL "
                          "ORDER BY call_id DESC LIMIT 100)");
  query.executeStep();
  if (query.getColumn(0).isNull()) return std::nullopt;
  return Duration(static_cast<Duration::rep>(query.getColumn(0).getDouble() * 1000));
}

void check_sound(Database& database) {
  const std::string sound = database.handle().execAndGet("PRAGMA quick_check(1)").getString();
  if (sound != "ok")
    throw Error(Exit::disk, "is damaged: " + sound, database.path().string(), "see docs/ledger.md on backups");
}

}  // namespace convoke
