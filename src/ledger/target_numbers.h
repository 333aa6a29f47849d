// Targets by number while a list is read: however many it names, in memory that does not grow with them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/statement.h"

namespace convoke {

/// A target that the ledger does not know gets a number there only when its first members are written: a target costs
/// no write of its own, and a reading that is not believed leaves none behind. Until then it is counted from
/// `first_new` on, beyond all numbers that the ledger gives.
class TargetNumbers {
 public:
  static constexpr std::int64_t first_new = std::int64_t{1} << 31;

  /// Knows the targets that the ledger has for `job`; none of the two: all are new. All are of one kind.
  TargetNumbers(Database* ledger, std::optional<JobId> job, TargetKind kind);

  /// Of a target's members, or of those who are only known by their addresses (Step::look_up). Throws Error disk if
  /// there is no room for a temporary file.
  std::int64_t number_of(std::string_view target, Step step = Step::invite);

  /// The ledger's own number of a target that may be new, which is written there if it is. To be asked in ascending
  /// order, as members are written.
  std::int64_t in_ledger(Transaction& transaction, std::int64_t number);

 private:
  std::int64_t look_up(const std::string& target, Step step);

  SQLite::Database new_;  ///< those that the ledger does not know: a file without a name, gone with the process
  Statement add_;
  Statement find_;
  Statement name_;
  std::optional<Statement> known_;  ///< of the ledger; empty: it has none for the job
  std::optional<Statement> write_;  ///< to the ledger; empty: none was written yet
  std::optional<JobId> job_;
  TargetKind kind_;
  std::array<std::map<std::string, std::int64_t, std::less<>>, step_names.size()> latest_;  ///< of each step
  std::size_t latest_size_ = 0;                                                             ///< bytes, nearly
  std::int64_t written_ = 0;     ///< the latest of them that was written to the ledger, and
  std::int64_t written_as_ = 0;  ///< its number there
};

}  // namespace convoke
