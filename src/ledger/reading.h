// What a reading of a list came to.
#pragma once

#include <cstdint>

namespace convoke {

/// Each row is one of: a member's first, a duplicate, invalid.
struct Reading {
  std::int64_t rows = 0;
  std::int64_t invalid = 0;
  std::int64_t duplicates = 0;
  std::int64_t mended = 0;     ///< of the valid rows, those whose id was written otherwise
  std::int64_t members = 0;    ///< different ones in the source
  std::int64_t added = 0;      ///< of them, those the ledger did not know
  std::int64_t revived = 0;    ///< of them, those that were withdrawn and are due again
  std::int64_t gone = 0;       ///< known from before and not in this source
  std::int64_t withdrawn = 0;  ///< of them, those that were due until now
};

}  // namespace convoke
