#include "run/run_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/numbers.h"
#include "ledger/books.h"
#include "ledger/identity.h"
#include "ledger/ledger_api.h"
#include "run/health.h"

namespace convoke {
namespace {

std::string new_ledger_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace

RunLedger::RunLedger(Database& database, JobId job, std::string base_url, const LimitSettings& limits,
                     Duration unanswered, std::optional<std::int64_t> assume_used, LedgerClock clock,
                     boost::asio::any_io_executor ledger)
    : database_(database),
      job_(job),
      base_url_(std::move(base_url)),
      clock_(clock),
      unanswered_(unanswered),
      calls_file_(database.file()),
      log_(database, job, clock.wall()),
      chunks_(database, job),
      slots_(database),
      limiter_(limits, slots_),
      desk_(
          database, std::move(ledger),
          [this](Transaction& transaction) {
            log_.write_counts(transaction);
            note_time(transaction, clock_.now(), clock_.wall());
            count_begun(transaction);
          },
          [this] { note_begun(); }) {
  database_.write([&](Transaction& transaction) {
    is_unbound_ = !api_of(database_).base_url && has_answers(database_);
    slots_.tidy(transaction, limiter_.windows(), clock_.now());
    slots_.know(transaction, limiter_.windows(), clock_.now(), clock_.wall(), unanswered_);
    look_for_forgotten_calls(transaction, assume_used);
  });
}

// A ledger that was put back from a backup is behind its file. One that was copied has no file, or that of the ledger
// in whose place it was put; what was sent on the other since the copy was made, nobody here knows. That matters only
// while its own latest calls still count: a copy that is older is as good as a new ledger.
void RunLedger::look_for_forgotten_calls(Transaction& transaction, std::optional<std::int64_t> assume_used) {
  const LedgerTime now = clock_.now();
  begun_ = calls_begun(database_);
  const auto seen = calls_file_.read();
  const ForgottenCalls forgotten = forgotten_calls(begun_, seen, now, clock_.wall(), unanswered_);
  const bool is_its_file = seen && seen->ledger_id == begun_.ledger_id;
  const bool is_new = begun_.ledger_id.empty();
  if (is_new) begun_.ledger_id = new_ledger_id();
  Pace pace = slots_.pace();
  if (forgotten.calls > 0) {
    slots_.take_forgotten(transaction, forgotten.calls, forgotten.counted_until, now);
    begun_.calls = seen->calls;
    remark_ = fmt::format(
        "this ledger has forgotten {}, the latest of {} (it was restored from a backup): they count in the limits; "
        "whom they asked for is asked again",
        counted(forgotten.calls, "call"), format_time(seen->latest));
  } else if (is_new && seen && base_url_ != rehearsal_api && !slots_.any_taken(now)) {
    count_those_of_a_ledger_that_is_gone(transaction, *seen, forgotten.counted_until, now);
  } else if (forgotten.unknown_until && slots_.any_taken(now)) {
    pace.unknown_until = std::max(pace.unknown_until, *forgotten.unknown_until);
    slots_.set_pace(pace);
    const std::string file = database_.path().filename().string();
    remark_ = fmt::format(
        "{}: what was sent since {} is not known, so every limit counts as used up; if you know how many calls of the "
        "longest limit are used, say so: --assume-used N",
        seen ? fmt::format("{}-calls is another ledger's, of which this is a copy or a backup", file)
        : calls_file_.is_damaged() ? fmt::format("{}-calls is damaged", file)
                                   : fmt::format("this ledger was copied, or moved without {}-calls beside it", file),
        format_time(begun_.latest));
  }
  if (assume_used && pace.unknown_until > LedgerTime{}) {
    slots_.take_forgotten(transaction, *assume_used, pace.unknown_until, now);
    pace.unknown_until = {};
    slots_.set_pace(pace);
    remark_ = fmt::format("this ledger was copied: as you say, {} unknown to it count in the limits",
                          counted(*assume_used, "call"));
  } else if (assume_used) {
    remark_ = "this ledger knows its calls: --assume-used is not needed, and changes nothing";
  }
  keep_calls_begun(transaction, begun_);
  if (is_its_file) {
    calls_file_.note(begun_);
  } else {
    calls_file_.begin(begun_);
  }
}

// The ledger was removed, and its file was left. In its whole life it has made so many calls; beyond what the largest
// limit allows, more would hold back nobody.
void RunLedger::count_those_of_a_ledger_that_is_gone(Transaction& transaction, const CallsBegun& seen,
                                                     LedgerTime counted_until, LedgerTime now) {
  Duration longest = std::chrono::hours(24);  // another process may have limits where this one has none
  for (const Duration window : limiter_.windows()) longest = std::max(longest, window);
  if (seen.calls == 0 || counted_until + longest <= now) return;
  const std::int64_t calls = std::min<std::int64_t>(seen.calls, limiter_.largest_limit().value_or(seen.calls));
  slots_.take_forgotten(transaction, calls, counted_until, now);
  remark_ = fmt::format(
      "{}-calls is of a ledger that is gone: {} of it, the latest of {}, count in the limits; whom they asked for is "
      "asked again; if it was removed by mistake, put it back",
      database_.path().filename().string(), counted(calls, "call"), format_time(seen.latest));
}

void RunLedger::count_begun(Transaction& transaction) {
  if (begun_in_group_ == 0) return;
  begun_.calls = count_calls_begun(transaction, begun_in_group_);
  begun_.latest = clock_.wall();
}

void RunLedger::note_begun() {
  if (begun_in_group_ == 0) return;
  begun_in_group_ = 0;
  // With the write lock, though nothing is changed: whoever notes meanwhile would not know of this.
  database_.write([&] { calls_file_.note(begun_); });
}

void RunLedger::recover(const Judgement& judgement) {
  database_.write([&](Transaction& transaction) {
    for (const OpenCall& open : log_.open_calls()) {
      const Chunk chunk = chunks_.read(open.chunk);
      const Verdict verdict = judge_interrupted(chunk, judgement);
      chunks_.record(transaction, chunk, verdict.pieces, log_.run(), clock_.wall());
      for (const Piece& piece : verdict.pieces) log_.count(piece.fate.outcome, piece.size_of(chunk));
      log_.close_interrupted(transaction, open.call);
    }
    chunks_.forget_tries(transaction);
    log_.write_counts(transaction);
  });
}

boost::asio::awaitable<Claims> RunLedger::claim(ClaimTerms terms) {
  Claims claims;
  std::function<void(Transaction&)> change = [&](Transaction& transaction) { claims = claim_now(transaction, terms); };
  co_await desk_.commit(std::move(change));
  co_return claims;
}

Claims RunLedger::claim_now(Transaction& transaction, const ClaimTerms& terms) {
  Claims claims;
  slots_.know(transaction, limiter_.windows(), clock_.now(), clock_.wall(), unanswered_);
  // A canary asks for nobody else while some of those it has asked for are not settled; these it has counted already.
  std::int64_t fresh_left = terms.is_canary ? terms.most_members - chunks_.asked_and_due() : terms.most_members;
  Chunks::Due due = chunks_.due(transaction, clock_.now(), terms.pick);
  while (static_cast<int>(claims.calls.size()) < terms.most_calls) {
    const LedgerTime now = clock_.now();
    const bool with_retries = retry_is_within_budget(log_.counts().calls, log_.counts().retries);
    const std::int64_t allowed = fresh_left > 0 ? fresh_left : terms.most_members;
    const int most = static_cast<int>(std::min<std::int64_t>(terms.largest_chunk, allowed));
    auto chunk = due.claim(most, {with_retries, fresh_left > 0});
    if (!chunk) {
      const auto next_due = chunks_.next_due({.fresh = fresh_left > 0});
      const bool are_retries = !with_retries && next_due && *next_due <= now;
      claims.no_more = !next_due ? NoMore::nothing_due : are_retries ? NoMore::only_retries : NoMore::due_later;
      claims.until = next_due.value_or(LedgerTime{});
      return claims;
    }
    Admission admission = limiter_.take(now, now + unanswered_);
    if (!admission.slots) {
      chunks_.put_back(chunk->id);
      claims.no_more = slots_.pace().paused_until > now ? NoMore::paused : NoMore::held;
      claims.until = admission.until;
      claims.held_by = admission.held_by;
      claims.is_use_unknown = admission.is_unknown;
      return claims;
    }
    // Each time: while nothing was answered, another process may have mended the address.
    if (claims.calls.empty() && !is_unbound_) belong_to_api(transaction, base_url_);
    if (!terms.is_canary || !chunks_.is_asked(chunk->id)) fresh_left -= static_cast<std::int64_t>(chunk->ids.size());
    claims.calls.push_back(begin_call(transaction, std::move(*chunk), std::move(*admission.slots), now));
    claims.calls.back().pick = terms.pick;
  }
  return claims;
}

Claimed RunLedger::begin_call(Transaction& transaction, Chunk chunk, TakenSlots slots, LedgerTime now) {
  ++begun_in_group_;
  Claimed call;
  call.call = log_.begin_call(transaction, chunk, clock_.wall());
  call.course_id = chunks_.course(chunk.course_no);
  call.is_course_accepted = chunks_.is_accepted(chunk.course_no);
  call.chunk = std::move(chunk);
  call.slots = std::move(slots);
  call.claimed_at = now;
  return call;
}

boost::asio::awaitable<void> RunLedger::put_back(std::vector<Claimed> calls) {
  std::function<void(Transaction&)> change = [this, &calls](Transaction& transaction) {
    for (const Claimed& call : calls) {
      chunks_.put_back(call.chunk.id);
      log_.cancel_call(transaction, call.call, call.chunk);
      limiter_.give_back(call.slots, call.claimed_at + unanswered_, clock_.now());
    }
  };
  co_await desk_.commit(std::move(change));
}

boost::asio::awaitable<Recorded> RunLedger::record(const Claimed& call, const CallReport& report) {
  Recorded recorded;
  std::function<void(Transaction&)> change = [this, &recorded, &call, &report](Transaction& transaction) {
    recorded = record_now(transaction, call, report);
  };
  co_await desk_.commit(std::move(change));
  co_return recorded;
}

Recorded RunLedger::record_now(Transaction& transaction, const Claimed& call, const CallReport& report) {
  Recorded recorded;
  if (is_unbound_ && report.end.http_status != 0 && report.verdict.effect != Effect::stop) {
    belong_to_api(transaction, base_url_);
    is_unbound_ = false;
  }
  if (report.answer_read) limiter_.answered(call.slots, call.claimed_at + unanswered_, report.read_at, clock_.now());
  if (report.advice) limiter_.advise(report.read_at, report.advice->left, report.advice->reset);
  if (report.verdict.effect == Effect::pause) {
    recorded.use_at_pause = limiter_.use(report.read_at);
    const Duration wait = report.retry_after.value_or(Duration::zero());
    recorded.paused_until = report.verdict.reason == Reason::rate_limited ? limiter_.pause(report.read_at, wait)
                                                                          : limiter_.wait(report.read_at, wait);
  }
  const WallTime now = clock_.wall();
  log_.end_call(transaction, call.call, report.end);
  chunks_.record(transaction, call.chunk, report.verdict.pieces, log_.run(), now);
  for (const Piece& piece : report.verdict.pieces) log_.count(piece.fate.outcome, piece.size_of(call.chunk));
  if (report.verdict.accepted) chunks_.accept_course(transaction, call.chunk.course_no);
  if (report.verdict.effect == Effect::refuse_course) {
    chunks_.refuse_course(call.chunk.course_no);
    refused_.try_emplace(call.chunk.course_no, RefusedCourse{call.course_id, report.verdict.call_error});
  }
  recorded.counts = log_.counts();
  return recorded;
}

boost::asio::awaitable<std::int64_t> RunLedger::forgive_rejected(Reason reason) {
  std::int64_t members = 0;
  std::function<void(Transaction&)> change = [this, reason, &members](Transaction& transaction) {
    members = chunks_.make_due(transaction, {Outcome::rejected}, log_.run(), reason);
    log_.uncount(Outcome::rejected, members);
  };
  co_await desk_.commit(std::move(change));
  co_return members;
}

boost::asio::awaitable<std::int64_t> RunLedger::due() {
  std::int64_t members = 0;
  std::function<void(Transaction&)> change = [this, &members](Transaction&) {
    members = books_of(database_, job_).of(Outcome::pending);
    for (const auto& [course_no, of_course] : chunks_.due_of_refused_courses()) members -= of_course;
  };
  co_await desk_.commit(std::move(change));
  co_return members;
}

boost::asio::awaitable<std::vector<RefusedCourse>> RunLedger::refused() {
  std::vector<RefusedCourse> courses;
  std::function<void(Transaction&)> change = [this, &courses](Transaction&) {
    for (const auto& [course_no, members] : chunks_.due_of_refused_courses()) refused_.at(course_no).members = members;
    for (const auto& [course_no, course] : refused_) courses.push_back(course);
  };
  co_await desk_.commit(std::move(change));
  co_return courses;
}

}  // namespace convoke
