// What became of a member (ledger.md, "outcomes").
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace convoke {

enum class Outcome {
  pending,          ///< due: not yet answered for
  invited,          ///< in a 201 answer
  already_invited,  ///< the API said so (200)
  rejected,         ///< the API refused this member, or its course
  failed,           ///< no definite answer after all attempts
  in_doubt,         ///< a call that may have taken effect, held by on_doubt = "hold"
  withdrawn,        ///< was due, and is no longer in the source
  unknown           ///< an address that no spot member has: asked for again at the next run
};

inline constexpr std::array<Outcome, 8> all_outcomes = {Outcome::pending,   Outcome::invited, Outcome::already_invited,
                                                        Outcome::rejected,  Outcome::failed,  Outcome::in_doubt,
                                                        Outcome::withdrawn, Outcome::unknown};

inline constexpr std::array<std::string_view, 8> outcome_names = {"pending", "invited",  "already_invited", "rejected",
                                                                  "failed",  "in_doubt", "withdrawn",       "unknown"};

/// The word of the design, as in the ledger, on the command line and in every report.
constexpr std::string_view name_of(Outcome outcome) {
  return outcome_names[static_cast<std::size_t>(outcome)];
}

constexpr std::optional<Outcome> outcome_named(std::string_view name) {
  for (const Outcome outcome : all_outcomes) {
    if (name_of(outcome) == name) return outcome;
  }
  return std::nullopt;
}

}  // namespace convoke
