// The jobs that a ledger knows, by name, and where each came from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/database.h"

namespace convoke {

struct KnownJob {
  JobId id = 0;
  std::string name;
  std::string origin;  ///< its file, or its list; empty: not known
};

/// All jobs, by name.
std::vector<KnownJob> known_jobs(Database& database);

/// A job keeps where it came from: its file, or its list if it has none. Throws Error(bad_config) if that is another
/// than `origin`, and not because the job's file was moved.
void check_origin(Database& database, JobId job, const std::string& name, const std::string& origin);
/// The same, and from here on it is `origin`. In a transaction of its own.
void keep_origin(Database& database, JobId job, const std::string& name, const std::string& origin);

/// The job's number, if the ledger knows it.
std::optional<JobId> find_job(Database& database, const std::string& name);
/// The same; a new job is taken in.
JobId job_id(Database& database, const std::string& name);

}  // namespace convoke
