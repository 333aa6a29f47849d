#include "run/run_ledger.h"

#include <algorithm>
#include <utility>

#include "run/health.h"

namespace convoke {

RunLedger::RunLedger(Database& database, JobId job, std::string base_url, const LimitSettings& limits,
                     Duration unanswered, LedgerClock clock, boost::asio::any_io_executor ledger)
    : database_(database),
      job_(job),
      base_url_(std::move(base_url)),
      clock_(clock),
      unanswered_(unanswered),
      log_(database, job, clock.wall()),
      chunks_(database, job),
      slots_(database),
      limiter_(limits, slots_),
      desk_(database, std::move(ledger), [this] {
        log_.write_counts();
        note_time(database_, clock_.now(), clock_.wall());
      }) {
  database_.write([&] {
    is_unbound_ = !api_of(database_).base_url && has_answers(database_);
    for (const Limit& limit : limits.calls) slots_.open_window(limit.window, clock_.now(), clock_.wall(), unanswered_);
  });
}

void RunLedger::recover(const Judgement& judgement) {
  database_.write([&] {
    for (const OpenCall& open : log_.open_calls()) {
      const Chunk chunk = chunks_.read(open.chunk);
      const Verdict verdict = judge_interrupted(chunk, judgement);
      chunks_.record(chunk, verdict.pieces, log_.run(), clock_.wall());
      for (const Piece& piece : verdict.pieces)
        log_.count(piece.fate.outcome, static_cast<std::int64_t>(chunk.ids.size()));
      log_.close_interrupted(open.call);
    }
    chunks_.forget_tries();
    log_.write_counts();
  });
}

boost::asio::awaitable<Claims> RunLedger::claim(ClaimTerms terms) {
  Claims claims;
  std::function<void()> change = [&] { claims = claim_now(terms); };
  co_await desk_.commit(std::move(change));
  co_return claims;
}

Claims RunLedger::claim_now(const ClaimTerms& terms) {
  Claims claims;
  std::int64_t members_left = terms.most_members;
  // A canary asks for nobody else while some of those it has asked for are not settled.
  std::int64_t fresh_left = terms.is_canary ? members_left - chunks_.asked_and_due() : members_left;
  Chunks::Due due = chunks_.due(clock_.now(), terms.pick);
  while (static_cast<int>(claims.calls.size()) < terms.most_calls && members_left > 0) {
    const LedgerTime now = clock_.now();
    const bool with_retries = retry_is_within_budget(log_.counts().calls, log_.counts().retries);
    const std::int64_t allowed = fresh_left > 0 ? std::min(members_left, fresh_left) : members_left;
    const int most = static_cast<int>(std::min<std::int64_t>(terms.largest_chunk, allowed));
    auto chunk = due.claim(most, with_retries, fresh_left > 0);
    if (!chunk) {
      claims.all_claimed = false;
      claims.next_due = chunks_.next_due(fresh_left > 0);
      claims.only_retries_left = !with_retries && claims.next_due && *claims.next_due <= now;
      return claims;
    }
    Admission admission = limiter_.take(now, now + unanswered_);
    if (!admission.slots) {
      chunks_.put_back(chunk->id);
      claims.all_claimed = false;
      claims.next_due = now;
      claims.paused = slots_.pace().paused_until > now;
      claims.held = std::move(admission);
      return claims;
    }
    // Each time: while nothing was answered, another process may have mended the address.
    if (claims.calls.empty() && !is_unbound_) belong_to_api(database_, base_url_);
    members_left -= static_cast<std::int64_t>(chunk->ids.size());
    if (!chunk->is_under_way() || !terms.is_canary) fresh_left -= static_cast<std::int64_t>(chunk->ids.size());
    const CallId call = log_.begin_call(*chunk, clock_.wall());
    std::string course = chunks_.course(chunk->course_no);
    const bool is_accepted = chunks_.is_accepted(chunk->course_no);
    claims.calls.push_back(
        {std::move(*chunk), std::move(course), call, std::move(*admission.slots), now, terms.pick, is_accepted});
  }
  return claims;
}

boost::asio::awaitable<void> RunLedger::put_back(std::vector<Claimed> calls) {
  std::function<void()> change = [this, &calls] {
    for (const Claimed& call : calls) {
      chunks_.put_back(call.chunk.id);
      log_.cancel_call(call.call, call.chunk);
      limiter_.give_back(call.slots, call.claimed_at + unanswered_, clock_.now());
    }
  };
  co_await desk_.commit(std::move(change));
}

boost::asio::awaitable<Recorded> RunLedger::record(const Claimed& call, Report report) {
  Recorded recorded;
  std::function<void()> change = [this, &recorded, &call, &report] { recorded = record_now(call, report); };
  co_await desk_.commit(std::move(change));
  co_return recorded;
}

Recorded RunLedger::record_now(const Claimed& call, const Report& report) {
  Recorded recorded;
  if (is_unbound_ && report.end.http_status != 0 && report.verdict.effect != Effect::stop) {
    belong_to_api(database_, base_url_);
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
  log_.end_call(call.call, report.end);
  chunks_.record(call.chunk, report.verdict.pieces, log_.run(), now);
  for (const Piece& piece : report.verdict.pieces) {
    const std::size_t members = piece.members.empty() ? call.chunk.ids.size() : piece.members.size();
    log_.count(piece.fate.outcome, static_cast<std::int64_t>(members));
  }
  if (report.verdict.accepted) chunks_.accept_course(call.chunk.course_no);
  if (report.verdict.effect == Effect::refuse_course) {
    chunks_.refuse_course(call.chunk.course_no);
    refused_.try_emplace(call.chunk.course_no, RefusedCourse{call.course_id, report.verdict.call_error});
  }
  recorded.counts = log_.counts();
  return recorded;
}

boost::asio::awaitable<std::int64_t> RunLedger::forgive_rejected(Reason reason) {
  std::int64_t members = 0;
  std::function<void()> change = [this, reason, &members] {
    members = chunks_.make_due({Outcome::rejected}, log_.run(), reason);
    log_.uncount(Outcome::rejected, members);
  };
  co_await desk_.commit(std::move(change));
  co_return members;
}

boost::asio::awaitable<std::int64_t> RunLedger::due() {
  std::int64_t members = 0;
  std::function<void()> change = [this, &members] {
    members = books_of(database_, job_).of(Outcome::pending);
    for (const auto& [course_no, of_course] : chunks_.due_of_refused_courses()) members -= of_course;
  };
  co_await desk_.commit(std::move(change));
  co_return members;
}

boost::asio::awaitable<std::vector<RefusedCourse>> RunLedger::refused() {
  std::vector<RefusedCourse> courses;
  std::function<void()> change = [this, &courses] {
    for (const auto& [course_no, members] : chunks_.due_of_refused_courses()) refused_.at(course_no).members = members;
    for (const auto& [course_no, course] : refused_) courses.push_back(course);
  };
  co_await desk_.commit(std::move(change));
  co_return courses;
}

}  // namespace convoke
