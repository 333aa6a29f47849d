// A job as `status`, `why` and `export` are asked about it.
#pragma once

#include <string>

#include "cli/options.h"
#include "ledger/jobs.h"

namespace convoke {

/// The job that the ledger knows by the name in `argument`, or by that in the job file whose path it is. Throws
/// Error(no_input) if it knows none, with the nearest that it does; Error(usage) if keys of jobs are set: the ledger is
/// read alone.
KnownJob known_job(Database& database, const std::string& argument, const Config& config, const CommonOptions& common);

}  // namespace convoke
