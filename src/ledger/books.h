// The books of a job.
#pragma once

#include <array>
#include <cstdint>

#include "base/outcome.h"
#include "ledger/database.h"

namespace convoke {

/// Every row of its source, and every member, accounted for.
struct Books {
  using ByOutcome = std::array<std::int64_t, all_outcomes.size()>;

  std::int64_t rows_read = 0;
  std::int64_t invalid = 0;
  std::int64_t duplicates = 0;
  std::int64_t mended = 0;
  bool half_read = false;  ///< a later reading of the source was cut off: only the next one makes the books whole
  ByOutcome members{};     ///< all that the ledger has
  ByOutcome gone{};        ///< of them, those that are not in the source as last read

  std::int64_t of(Outcome outcome) const { return members[static_cast<std::size_t>(outcome)]; }
  std::int64_t in_list_of(Outcome outcome) const { return of(outcome) - gone[static_cast<std::size_t>(outcome)]; }
  /// Addresses that nobody has are no members, and are counted for themselves.
  std::int64_t all_members() const;
  std::int64_t all_gone() const;
  std::int64_t in_list() const { return all_members() - all_gone(); }
  std::int64_t unknown() const { return in_list_of(Outcome::unknown); }
  /// In the list, and neither invited nor due: rejected, failed, in doubt.
  std::int64_t not_invited() const;
  /// members in the source + duplicates + unknown addresses + invalid rows = rows read
  bool balance() const { return in_list() + duplicates + unknown() + invalid == rows_read; }
};

Books books_of(Database& database, JobId job);

/// The books, once it is sure that they balance, unless the source is half read. Throws Error(defect) with the numbers.
/// (That chunks hold the members they count, the schema sees to.)
Books check_books(Database& database, JobId job);

}  // namespace convoke
