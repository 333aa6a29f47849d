#include "cli/outcome_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/text.h"

namespace convoke {

std::vector<Outcome> outcome_list(const std::string& text) {
  std::vector<Outcome> outcomes;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto outcome = outcome_named(word);
    if (!outcome) {
      const std::string near = nearest(word, outcome_names);
      throw Error(Exit::usage, fmt::format("no outcome is called '{}'", excerpt(word)), "--outcome",
                  near.empty() ? fmt::format("one of {}", fmt::join(outcome_names, ", "))
                               : fmt::format("did you mean {}?", near));
    }
    if (std::find(outcomes.begin(), outcomes.end(), *outcome) == outcomes.end()) outcomes.push_back(*outcome);
  }
  if (outcomes.empty()) throw Error(Exit::usage, "no outcome is given", "--outcome");
  return outcomes;
}

}  // namespace convoke
