// From a source's rows to what the ledger takes in: each row a member of a course, or the reason why not.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "cli/progress.h"
#include "job/job.h"
#include "ledger/intake.h"

namespace convoke {

/// Reads the job's source when called, says how far it is if that takes long, and throws ReadingStopped when asked to
/// stop. What an operator should know of the source is added to `remarks`, which must outlive it, as the job must.
ReadSource rows_of(const Job& job, std::stop_token stop, ShowProgress progress, std::vector<std::string>& remarks);

}  // namespace convoke
