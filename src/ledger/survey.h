// What a run would make of a job, without a change.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/brakes.h"
#include "ledger/database.h"
#include "source/row_check.h"

namespace convoke {

struct InvalidRow {
  std::uint64_t line = 0;
  std::string value;  ///< what stood in the member's column
  Reason reason = Reason::none;
};

struct Survey {
  std::optional<Reading> reading;   ///< empty: the list is unchanged, and not read
  std::int64_t due = 0;             ///< members that would be asked for
  std::int64_t calls = 0;           ///< that this takes if every one is answered well
  std::int64_t addresses = 0;       ///< of the due, those to be looked up first: who has them is not known,
  std::int64_t look_ups = 0;        ///< and of the calls, those for it
  std::vector<InvalidRow> invalid;  ///< the first few, with their whole values
  std::set<std::string> targets;    ///< that it invites to, if they are asked for
};

struct SurveyTerms {
  int chunk_size = 100;
  IntakeBrakes brakes;
  bool retry_failed = true;   ///< members that ended failed are due again
  bool name_targets = false;  ///< Survey::targets is asked for
  bool hold_doubts = false;   ///< on_doubt = "hold": who was asked without an answer is not asked again
};

/// The same reading and checking as take_in(), of a list that nobody stops, and what a run would send after it. No job:
/// nothing is known yet. Temporary files go to `folder`.
Survey survey(Database* database, std::optional<JobId> job, MemberList& list, const SurveyTerms& terms,
              const std::filesystem::path& folder);
/// The same where the list is the one that was read last: it need not be read.
Survey survey(Database& database, JobId job, const SurveyTerms& terms, const std::filesystem::path& folder);

}  // namespace convoke
