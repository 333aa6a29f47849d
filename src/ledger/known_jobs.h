// What the ledger says to who only reads it: which jobs it knows, what is due, how fast answers came.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "ledger/database.h"

namespace convoke {

struct KnownJob {
  JobId id = 0;
  std::string name;
  std::string origin;  ///< its file, or its list; empty: not known
};

/// All jobs, by name.
std::vector<KnownJob> known_jobs(Database& database);

/// How many calls what is due would take if nothing were packed anew.
std::int64_t calls_due(Database& database, JobId job);

/// Of the latest hundred calls that were answered, whoever's; empty: none was.
std::optional<Duration> mean_latency(Database& database);

/// Throws Error(disk) if the file is damaged. Reads all of it.
void check_sound(Database& database);

}  // namespace convoke
