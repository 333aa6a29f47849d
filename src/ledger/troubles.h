// What is not well with a job's members and rows, by kind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/reason.h"
#include "ledger/database.h"

namespace convoke {

/// One way in which members or rows are not well, with how often and one example. `words` is without ids and numbers.
struct Trouble {
  std::string outcome;  ///< an Outcome's word, or "invalid"
  Reason reason = Reason::none;
  std::string words;
  std::int64_t count = 0;
  std::string example;           ///< its own words, ids and all; of an invalid row what stands there
  std::int64_t source_line = 0;  ///< of the example
};

/// The most frequent ones, at most `most` for each outcome of the rejected, failed, in_doubt, withdrawn and for invalid
/// rows; in that order, the most frequent first.
std::vector<Trouble> troubles_of(Database& database, JobId job, std::size_t most = 3);

/// The query, for an operator's own program, that lists the job's invalid rows.
std::string invalid_rows_query(const std::string& job);

/// A message without ids and numbers, so that two of them can be held against each other.
std::string without_ids(std::string_view message);

}  // namespace convoke
