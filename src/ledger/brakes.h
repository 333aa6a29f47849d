// When a reading is not believed. A list that was cut off, or is another one by mistake, must not withdraw those who
// are due.
#pragma once

#include <filesystem>
#include <string>

#include "ledger/books.h"
#include "ledger/differences.h"
#include "source/settings.h"

namespace convoke {

struct IntakeBrakes {
  ListRules rules;
  bool accept_shrunk = false;  ///< the operator says that the list is right as it is
  std::string source;          ///< what the list is called in messages
};

/// Throws Error(bad_source) if the list has fewer rows than it must, has none where there were members, or would
/// withdraw more than half of those not settled (and at least 20). Reads the differences through where that takes it.
/// `books`: as they stand. Temporary files go to `folder`.
void check_brakes(const IntakeBrakes& brakes, const Books& books, Differences& differences,
                  const std::filesystem::path& folder);

}  // namespace convoke
