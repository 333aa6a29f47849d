// From a source's rows to what the ledger takes in: each row a member of a course, or the reason why not.
#pragma once

#include <stop_token>

#include "job/job.h"
#include "ledger/intake.h"

namespace convoke {

/// Reads the job's source when called; throws ReadingStopped out of it when `stop` asks for it.
ReadSource rows_of(const Job& job, std::stop_token stop = {});

}  // namespace convoke
