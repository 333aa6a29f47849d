// `--outcome failed,rejected`.
#pragma once

#include <string>
#include <vector>

#include "base/outcome.h"

namespace convoke {

/// Throws Error(usage) on a word that is no outcome, with the nearest one that is.
std::vector<Outcome> outcome_list(const std::string& text);

}  // namespace convoke
