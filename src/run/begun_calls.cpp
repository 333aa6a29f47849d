#include "run/begun_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/numbers.h"
#include "ledger/identity.h"

namespace convoke {
namespace {

std::string new_ledger_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace

BegunCalls::BegunCalls(Database& database, LedgerClock clock, Duration unanswered)
    : database_(database), clock_(clock), unanswered_(unanswered), file_(database.file()) {}

// A ledger that was put back from a backup is behind its file. One that was copied has no file, or that of the ledger
// in whose place it was put; what was sent on the other since the copy was made, nobody here knows. That matters only
// while its own latest calls still count: a copy that is older is as good as a new ledger.
std::string BegunCalls::look_for_forgotten(Transaction& transaction, LedgerSlots& slots, const RateLimiter& limiter,
                                           std::optional<std::int64_t> assume_used, bool is_rehearsal) {
  const LedgerTime now = clock_.now();
  begun_ = calls_begun(database_);
  const auto seen = file_.read();
  const ForgottenCalls forgotten = forgotten_calls(begun_, seen, now, clock_.wall(), unanswered_);
  const bool is_its_file = seen && seen->ledger_id == begun_.ledger_id;
  const bool is_new = begun_.ledger_id.empty();
  if (is_new) begun_.ledger_id = new_ledger_id();
  std::string remark;
  Pace pace = slots.pace();
  if (forgotten.calls > 0) {
    slots.take_forgotten(transaction, forgotten.calls, forgotten.counted_until, now);
    begun_.calls = seen->calls;
    remark = fmt::format(
        "this ledger has forgotten {}, the latest of {} (it was restored from a backup): they count in the limits; "
        "whom they asked for is asked again",
        counted(forgotten.calls, "call"), format_time(seen->latest));
  } else if (is_new && seen && !is_rehearsal && !slots.any_taken(now)) {
    remark = count_those_of_a_ledger_that_is_gone(transaction, slots, limiter, *seen, forgotten.counted_until);
  } else if (forgotten.unknown_until && slots.any_taken(now)) {
    pace.unknown_until = std::max(pace.unknown_until, *forgotten.unknown_until);
    slots.set_pace(pace);
    remark = unknown_words(seen);
  }
  if (assume_used && pace.unknown_until > LedgerTime{}) {
    slots.take_forgotten(transaction, *assume_used, pace.unknown_until, now);
    pace.unknown_until = {};
    slots.set_pace(pace);
    remark = fmt::format("this ledger was copied: as you say, {} unknown to it count in the limits",
                         counted(*assume_used, "call"));
  } else if (assume_used) {
    remark = "this ledger knows its calls: --assume-used is not needed, and changes nothing";
  }
  keep_calls_begun(transaction, begun_);
  is_its_file ? file_.note(begun_) : file_.begin(begun_);
  return remark;
}

// The ledger was removed, and its file was left. In its whole life it has made so many calls; beyond what the largest
// limit allows, more would hold back nobody.
std::string BegunCalls::count_those_of_a_ledger_that_is_gone(Transaction& transaction, LedgerSlots& slots,
                                                             const RateLimiter& limiter, const CallsBegun& seen,
                                                             LedgerTime counted_until) {
  const LedgerTime now = clock_.now();
  Duration longest = std::chrono::hours(24);  // another process may have limits where this one has none
  for (const Duration window : limiter.windows()) longest = std::max(longest, window);
  if (seen.calls == 0 || counted_until + longest <= now) return {};
  const std::int64_t calls = std::min<std::int64_t>(seen.calls, limiter.largest_limit().value_or(seen.calls));
  slots.take_forgotten(transaction, calls, counted_until, now);
  return fmt::format(
      "{}-calls is of a ledger that is gone: {} of it, the latest of {}, count in the limits; whom they asked for is "
      "asked again; if it was removed by mistake, put it back",
      database_.path().filename().string(), counted(calls, "call"), format_time(seen.latest));
}

std::string BegunCalls::unknown_words(const std::optional<CallsBegun>& seen) {
  const std::string file = database_.path().filename().string();
  return fmt::format(
      "{}: what was sent since {} is not known, so every limit counts as used up; if you know how many calls of the "
      "longest limit are used, say so: --assume-used N",
      seen                 ? fmt::format("{}-calls is another ledger's, of which this is a copy or a backup", file)
      : file_.is_damaged() ? fmt::format("{}-calls is damaged", file)
                           : fmt::format("this ledger was copied, or moved without {}-calls beside it", file),
      format_time(begun_.latest));
}

void BegunCalls::count(Transaction& transaction) {
  if (in_group_ == 0) return;
  begun_.calls = count_calls_begun(transaction, in_group_);
  begun_.latest = clock_.wall();
}

void BegunCalls::note() {
  if (in_group_ == 0) return;
  in_group_ = 0;
  // With the write lock, though nothing is changed: whoever notes meanwhile would not know of this.
  database_.write([&] { file_.note(begun_); });
}

}  // namespace convoke
