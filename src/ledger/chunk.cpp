#include "ledger/chunk.h"

#include <simdjson.h>

namespace convoke {
namespace {

// One column: a value that all share stays as it is.
std::string picked_column(const std::string& column, const std::vector<std::uint32_t>& members) {
  if (!column.starts_with('[')) return column;
  simdjson::dom::parser parser;
  const simdjson::dom::array all = parser.parse(column).get_array();
  const std::vector<simdjson::dom::element> values(all.begin(), all.end());
  std::string out;
  for (const auto member : members) out += (out.empty() ? '[' : ',') + simdjson::minify(values.at(member));
  return out + ']';
}

}  // namespace

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
  ParticipantColumns& columns = part.participants;
  for (std::string* column : {&columns.participant_id, &columns.participant_status, &columns.invited_at,
                              &columns.started_at, &columns.completed_at, &columns.unenrolled_at,
                              &columns.last_activity_at, &columns.completion_rate, &columns.profile})
    *column = picked_column(*column, members);
  return part;
}

}  // namespace convoke
