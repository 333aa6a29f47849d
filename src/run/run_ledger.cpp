#include "run/run_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/lookup.h"
#include "base/numbers.h"
#include "ledger/books.h"
#include "ledger/ledger_api.h"
#include "run/health.h"

namespace convoke {
RunLedger::RunLedger(Database& database, JobId job, std::string base_url, const LimitSettings& limits,
                     Duration unanswered, std::optional<std::int64_t> assume_used, std::size_t full, LedgerClock clock,
                     boost::asio::any_io_executor ledger, Command command)
    : database_(database),
      job_(job),
      base_url_(std::move(base_url)),
      clock_(clock),
      unanswered_(unanswered),
      begun_(database, clock, unanswered),
      log_(database, job, clock.wall(), command),
      chunks_(database, job),
      resolution_(database, job, chunks_),
      pages_(database, job, chunks_),
      full_(full),
      batch_(resolution_.book().batch()),
      slots_(database),
      limiter_(limits, slots_),
      desk_(
          database, std::move(ledger),
          [this](Transaction& transaction) {
            log_.write_counts(transaction);
            note_time(transaction, clock_.now(), clock_.wall());
            begun_.count(transaction);
          },
          [this] { begun_.note(); }) {
  database_.write([&](Transaction& transaction) {
    is_unbound_ = !api_of(database_).base_url && has_answers(database_);
    slots_.tidy(transaction, limiter_.windows(), clock_.now());
    slots_.know(transaction, limiter_.windows(), clock_.now(), clock_.wall(), unanswered_);
    remark_ = begun_.look_for_forgotten(transaction, slots_, limiter_, assume_used, base_url_ == rehearsal_api);
  });
}

void RunLedger::recover_pages() {
  database_.write([&](Transaction& transaction) {
    for (const OpenCall& open : log_.open_calls()) {
      if (is_of_pages(open.step)) log_.close_interrupted(transaction, open.call);
    }
    pages_.forget_asked(transaction);
  });
}

void RunLedger::recover(const Judgement& judgement) {
  database_.write([&](Transaction& transaction) {
    for (const OpenCall& open : log_.open_calls()) {
      log_.close_interrupted(transaction, open.call);
      if (is_of_pages(open.step)) continue;  // nobody was asked for
      const Standing standing = chunks_.standing(chunks_.read(open.chunk));
      const Chunk& chunk = standing.chunk;
      if (standing.fate.outcome != Outcome::pending) continue;  // `verify` has seen them there
      Judgement how = judgement;
      how.step = chunks_.target(chunk.target_no).step;
      if (chunk.missing > 0) how.said_before = standing.fate.error;
      const Verdict verdict = judge_interrupted(chunk, how);
      chunks_.record(transaction, chunk, verdict.pieces, log_.run(), clock_.wall());
      for (const Piece& piece : verdict.pieces) log_.count(piece.fate.outcome, piece.size_of(chunk));
    }
    pages_.forget_asked(transaction);
    chunks_.forget_tries(transaction);
    log_.write_counts(transaction);
  });
}

template <class What>
boost::asio::awaitable<What> RunLedger::commit(std::function<What(Transaction&)> change) {
  What what{};
  std::function<void(Transaction&)> order = [&](Transaction& transaction) { what = change(transaction); };
  co_await desk_.commit(std::move(order));
  co_return what;
}

boost::asio::awaitable<Claims> RunLedger::claim(ClaimTerms terms) {
  return commit<Claims>([this, terms](Transaction& transaction) { return claim_now(transaction, terms); });
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
    const int most_looked_up = static_cast<int>(std::min<std::int64_t>(batch_.most(), allowed));
    auto chunk = due.claim({most, most_looked_up}, {with_retries, fresh_left > 0});
    if (!chunk) {
      const auto next_due = chunks_.next_due({.fresh = fresh_left > 0});
      const bool are_retries = !with_retries && next_due && *next_due <= now;
      claims.no_more = !next_due ? NoMore::nothing_due : are_retries ? NoMore::only_retries : NoMore::due_later;
      claims.until = next_due.value_or(LedgerTime{});
      return claims;
    }
    chunk = still_to_ask(transaction, std::move(*chunk), now);
    if (!chunk) continue;
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

std::optional<Chunk> RunLedger::still_to_ask(Transaction& transaction, Chunk chunk, LedgerTime now) {
  using namespace std::chrono_literals;
  if (!is_of_addresses(chunks_.target(chunk.target_no).step)) return chunk;
  const auto answer_time = std::chrono::ceil<std::chrono::milliseconds>(unanswered_);
  return resolution_.still_to_ask(transaction, std::move(chunk), clock_.wall() - answer_time, now + 2s, full_);
}

Claimed RunLedger::begin_call(Transaction& transaction, Chunk chunk, TakenSlots slots, LedgerTime now) {
  begun_.add();
  Claimed call;
  call.target = chunks_.target(chunk.target_no);
  if (is_of_pages(call.target.step)) call.page = pages_.asked(chunk.target_no);
  if (is_of_addresses(call.target.step)) {
    call.addresses = resolution_.addresses(chunk);
    if (const auto most = fitting(call.addresses); call.target.step == Step::look_up && most < chunk.ids.size()) {
      chunk = chunks_.cut(transaction, chunk, static_cast<int>(most));
      call.addresses.resize(most);
    }
    if (chunk.missing > 0) call.said_before = chunks_.standing(chunk).fate.error;
  }
  call.call = log_.begin_call(transaction, chunk, clock_.wall(), call.target.step);
  call.is_target_accepted = chunks_.is_accepted(chunk.target_no);
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
  return commit<Recorded>([&, this](Transaction& transaction) { return record_now(transaction, call, report); });
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
  const auto chunks = chunks_.record(transaction, call.chunk, report.verdict.pieces, log_.run(), now);
  if (is_of_addresses(call.target.step)) record_addresses(transaction, call, report, chunks);
  if (is_of_pages(call.target.step)) {
    pages_.record(transaction, call.chunk, report.verdict.page, now);
    log_.note_listed(pages_.read(), pages_.total());
  }
  for (const Piece& piece : report.verdict.pieces) log_.count(piece.fate.outcome, piece.size_of(call.chunk));
  if (report.verdict.accepted) chunks_.accept_target(transaction, call.chunk.target_no);
  if (report.verdict.effect == Effect::refuse_target) {
    chunks_.refuse_target(call.chunk.target_no);
    refused_.try_emplace(call.chunk.target_no, RefusedTarget{call.target, report.verdict.call_error});
  }
  recorded.counts = log_.counts();
  return recorded;
}

void RunLedger::record_addresses(Transaction& transaction, const Claimed& call, const CallReport& report,
                                 const std::vector<ChunkId>& chunks) {
  const auto& pieces = report.verdict.pieces;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].resolved.empty()) resolution_.settle(transaction, chunks[i], pieces[i].resolved, full_);
  }
  if (!chunks_.are_addresses_due()) chunks_.end_gathering();
  if (call.target.step != Step::look_up) return;
  const auto asked = static_cast<int>(call.addresses.size());
  if (report.verdict.accepted) batch_.taken(asked);
  if (report.verdict.reason == Reason::too_large) batch_.too_large(asked);
  if (report.verdict.reason == Reason::refused) batch_.refused(asked);
  if (batch_.is_proven()) resolution_.book().set_batch(transaction, batch_.most());
}

boost::asio::awaitable<std::int64_t> RunLedger::forgive_rejected(Reason reason) {
  return commit<std::int64_t>([this, reason](Transaction& transaction) {
    const std::int64_t members = chunks_.make_due(transaction, {Outcome::rejected}, log_.run(), reason);
    log_.uncount(Outcome::rejected, members);
    return members;
  });
}

boost::asio::awaitable<std::int64_t> RunLedger::due() {
  return commit<std::int64_t>([this](Transaction&) {
    std::int64_t members = books_of(database_, job_).of(Outcome::pending);
    for (const auto& [target_no, of_target] : chunks_.due_of_refused_targets()) members -= of_target;
    return members;
  });
}

boost::asio::awaitable<std::vector<RefusedTarget>> RunLedger::refused() {
  return commit<std::vector<RefusedTarget>>([this](Transaction&) {
    for (const auto& [target_no, members] : chunks_.due_of_refused_targets()) refused_.at(target_no).members = members;
    std::vector<RefusedTarget> targets;
    for (const auto& [target_no, target] : refused_) targets.push_back(target);
    return targets;
  });
}

}  // namespace convoke
