// What a run does with the ledger: claims calls under the rate limits, puts back what was not sent, records what came
// of the rest. Each is one change on the ledger desk, so a claim's slots, its intent and the answers before it are on
// disk together.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ledger/chunks.h"
#include "ledger/clock_bridge.h"
#include "ledger/pages.h"
#include "ledger/resolution.h"
#include "ledger/run_log.h"
#include "ledger/slots.h"
#include "run/batch_size.h"
#include "run/begun_calls.h"
#include "run/call.h"
#include "run/ledger_desk.h"
#include "run/rate_limiter.h"
#include "run/run_end.h"

namespace convoke {

class RunLedger {
 public:
  /// `unanswered`: how long after it was claimed a call may still be counted by the server. Makes the limits' windows
  /// known and finds out whether the ledger has forgotten calls, in a transaction of its own; `assume_used`: so many
  /// were made that it does not know of, if it cannot say itself.
  /// The ledger belongs to the API at `base_url` from the first call on.
  /// Members that addresses turn out to be are gathered in chunks of `full`.
  RunLedger(Database& database, JobId job, std::string base_url, const LimitSettings& limits, Duration unanswered,
            std::optional<std::int64_t> assume_used, std::size_t full, LedgerClock clock,
            boost::asio::any_io_executor ledger, Command command = Command::run);

  /// What an operator must know of the ledger itself; empty: nothing.
  const std::string& remark() const { return remark_; }

  /// Settles the calls that earlier processes left open; before anything else is done with the job.
  void recover(const Judgement& judgement);
  /// The same of those alone that asked for pages: of the others it is for a run to say what they came to.
  void recover_pages();

  boost::asio::awaitable<Claims> claim(ClaimTerms terms);
  boost::asio::awaitable<void> put_back(std::vector<Claimed> calls);
  boost::asio::awaitable<Recorded> record(const Claimed& call, const CallReport& report);
  /// What this run saw rejected, for `reason` (none: for whatever reason), is due again: it was not the members' fault.
  boost::asio::awaitable<std::int64_t> forgive_rejected(Reason reason);
  /// Members that are due, but for those of refused targets.
  boost::asio::awaitable<std::int64_t> due();
  /// The targets that were refused so far.
  boost::asio::awaitable<std::vector<RefusedTarget>> refused();

  RunLog& log() { return log_; }
  Chunks& chunks() { return chunks_; }
  Resolution& resolution() { return resolution_; }
  Pages& pages() { return pages_; }
  const LedgerClock& clock() const { return clock_; }

 private:
  /// What `change` gives, once it is on disk.
  template <class What>
  boost::asio::awaitable<What> commit(std::function<What(Transaction&)> change);
  Claims claim_now(Transaction& transaction, const ClaimTerms& terms);
  std::optional<Chunk> still_to_ask(Transaction& transaction, Chunk chunk, LedgerTime now);
  Claimed begin_call(Transaction& transaction, Chunk chunk, TakenSlots slots, LedgerTime now);
  Recorded record_now(Transaction& transaction, const Claimed& call, const CallReport& report);
  void record_addresses(Transaction& transaction, const Claimed& call, const CallReport& report,
                        const std::vector<ChunkId>& chunks);

  Database& database_;
  JobId job_;
  std::string base_url_;
  bool is_unbound_ = false;  // of an older convoke, which did not keep the API: it belongs to whoever answers
  std::map<std::int64_t, RefusedTarget> refused_;
  LedgerClock clock_;
  Duration unanswered_;
  BegunCalls begun_;  // before the log, which begins the run
  RunLog log_;
  Chunks chunks_;
  Resolution resolution_;
  Pages pages_;
  std::size_t full_;
  BatchSize batch_;
  LedgerSlots slots_;
  RateLimiter limiter_;
  std::string remark_;
  LedgerDesk desk_;
};

}  // namespace convoke
