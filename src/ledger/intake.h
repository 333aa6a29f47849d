// Taking a list in: one reading of a source, held against what the ledger knows.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "ledger/brakes.h"
#include "ledger/database.h"
#include "ledger/resolution.h"
#include "source/row_check.h"

namespace convoke {

/// Reads the list into the ledger: adds what is new in chunks of `chunk_size`, withdraws what was due and is gone,
/// revives what was withdrawn and is back, keeps invalid rows, follows members to their new lines. In many short
/// transactions: other processes get their turn, and a reading that is cut off is simply done again. At the end, and
/// only then, the source is known by its `fingerprint`. `now` goes to those whose outcome changes by it. Returns
/// nothing if the list was asked to stop: then nobody of it was taken in. Throws Error(bad_source), and leaves the job
/// as it was, if it is not to be believed (check_brakes()).
std::optional<Reading> take_in(Database& database, JobId job, MemberList& list, Resolution& resolution, int chunk_size,
                               const IntakeBrakes& brakes, const std::string& fingerprint, WallTime now);

/// Whether the job's last complete reading was of a source with this fingerprint, and no address of it is to be looked
/// up: those are in the list alone.
bool is_read(Database& database, JobId job, const std::string& fingerprint);

}  // namespace convoke
