#include "ledger/chunk.h"

#include "ledger/participant_columns.h"

namespace convoke {

Fate Fate::due(const History& history, LedgerTime not_before) {
  Fate fate;
  static_cast<History&>(fate) = history;
  fate.not_before = not_before;
  return fate;
}

Fate Fate::settled(const History& history, Outcome outcome, int http_status, Reason reason, std::string error) {
  Fate fate;
  fate.outcome = outcome;
  fate.attempts = history.attempts + 1;
  fate.doubt = history.doubt && outcome == Outcome::rejected;
  fate.reason = reason;
  fate.http_status = http_status;
  fate.error = std::move(error);
  return fate;
}

Fate Fate::left() const {
  Fate fate = *this;
  fate.gone = true;
  if (outcome != Outcome::pending) return fate;
  const bool in_doubt = doubt || (missing > 0 && reason != Reason::not_made);
  fate = due({attempts, 0, 0, quiet, doubt});
  fate.gone = true;
  fate.http_status = in_doubt ? http_status : 0;
  fate.outcome = in_doubt ? Outcome::in_doubt : Outcome::withdrawn;
  fate.reason = Reason::left_list;
  fate.error = in_doubt ? "asked without an answer, and no longer in the list" : "no longer in the list";
  return fate;
}

Fate Fate::back() const {
  if (reason == Reason::left_list) return due({attempts, 0, 0, quiet, doubt});
  Fate fate = *this;
  fate.gone = false;
  return fate;
}

Fate picked(const Fate& fate, const std::vector<std::uint32_t>& members) {
  Fate part = fate;
  for (std::string* column : columns_in_order(part.participants)) *column = picked_column(*column, members);
  return part;
}

}  // namespace convoke
