// From a source's rows to what the ledger takes in: each row a member of a course, or the reason why not.
#pragma once

#include "job/job.h"
#include "ledger/intake.h"

namespace convoke {

/// Reads the job's source when called.
ReadSource rows_of(const Job& job);

}  // namespace convoke
