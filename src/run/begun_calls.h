// How many calls were ever begun on the ledger, in it and in the file beside it: held against each other, they tell a
// ledger that was restored, copied or removed, and so has forgotten calls that the limits still count.
#pragma once

#include <optional>
#include <string>

#include "ledger/calls_file.h"
#include "ledger/clock_bridge.h"
#include "ledger/slots.h"
#include "run/rate_limiter.h"

namespace convoke {

class BegunCalls {
 public:
  /// `unanswered`: how long after it was claimed a call may still be counted by the server.
  BegunCalls(Database& database, LedgerClock clock, Duration unanswered);

  /// Has what the ledger has forgotten count in the limits; `assume_used`: so many calls were made that it does not
  /// know of, if it cannot say itself. Returned: what an operator must know of it; empty: nothing.
  std::string look_for_forgotten(Transaction& transaction, LedgerSlots& slots, const RateLimiter& limiter,
                                 std::optional<std::int64_t> assume_used, bool is_rehearsal);

  /// One more call is begun, by the group of changes under way.
  void add() { ++in_group_; }
  /// At the end of the group; and once it is on disk, before any of its calls goes out.
  void count(Transaction& transaction);
  void note();

 private:
  std::string count_those_of_a_ledger_that_is_gone(Transaction& transaction, LedgerSlots& slots,
                                                   const RateLimiter& limiter, const CallsBegun& seen,
                                                   LedgerTime counted_until);
  std::string unknown_words(const std::optional<CallsBegun>& seen);

  Database& database_;
  LedgerClock clock_;
  Duration unanswered_;
  CallsFile file_;
  CallsBegun begun_;           // as the latest group left it
  std::int64_t in_group_ = 0;  // calls, since the last commit
};

}  // namespace convoke
