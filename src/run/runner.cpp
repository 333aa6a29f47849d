#include "run/runner.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <iterator>

#include "api/invite.h"
#include "api/lookup.h"
#include "api/pages.h"
#include "run/run_words.h"

namespace convoke {
namespace {

constexpr Duration longest_retry_after = std::chrono::hours(24);

}  // namespace

Runner::Runner(SendSettings settings, RunLedger& ledger, const Outside& outside)
    : invite_(settings.invite),
      call_timeout_(settings.calls.timeout),
      ledger_(ledger),
      outside_(outside),
      sleep_(std::make_shared<Sleep>(outside.loop, outside.alarms)),
      policy_(std::move(settings), outside.seed, ledger.clock().now()) {}

Instant Runner::instant(LedgerTime time) const {
  if (time == LedgerTime::max()) return Instant::max();
  return outside_.clock.now() + (time - ledger_.clock().now());
}

Progress Runner::progress() const {
  Progress progress = policy_.progress();
  if (began_) progress.elapsed = outside_.clock.now() - *began_;
  return progress;
}

void Runner::stop(RunEnd why) {
  policy_.stop(std::move(why));
  sleep_->wake();
}

boost::asio::awaitable<RunEnd> Runner::run(std::int64_t due, bool ever_accepted) {
  began_ = outside_.clock.now();
  policy_.begin(ledger_.log().counts(), due, ever_accepted);
  try {
    co_await claim_and_send();
  } catch (...) {
    fail(std::current_exception());
  }
  co_await come_home();
  if (failure_) std::rethrow_exception(failure_);
  co_return co_await end();
}

boost::asio::awaitable<void> Runner::claim_and_send() {
  while (!failure_) {
    Next next = policy_.next(now());
    if (next.what == Next::What::claim) {
      Claims claims = co_await ledger_.claim(next.terms);
      for (Claimed& call : claims.calls) {
        Seat seat = policy_.seat(call);
        ready_.push_back({std::move(call), Waking(sleep_), std::move(seat)});
      }
      if (policy_.is_halted()) {
        // What the claim said of the rest is old by the time this is put back.
        co_await put_back(take_ready(PutBack::everything));
        continue;
      }
      send_ready();
      next = policy_.claimed(claims, now());
      if (next.what == Next::What::claim) continue;
    }
    pass_on_remarks();
    if (next.what == Next::What::end) co_return;
    co_await sleep_->until(instant(next.until));
  }
}

void Runner::send_ready() {
  while (!ready_.empty() && !failure_ && policy_.may_send()) {
    auto on_end = [this](std::exception_ptr error) {
      if (error) fail(error);
      send_ready();  // its seat is free, whatever became of it
      sleep_->wake();
    };
    // Taken out first: the coroutine starts within co_spawn.
    Ready next = std::move(ready_.front());
    ready_.pop_front();
    next.seat.goes_out();
    boost::asio::co_spawn(outside_.loop, send(std::move(next)), std::move(on_end));
  }
}

boost::asio::awaitable<void> Runner::send(Ready ready) {
  const Claimed& call = ready.call;
  if (ledger_.clock().now() - call.claimed_at > call_timeout_) {
    // It waited so long for its turn (the machine slept, say) that its slots would not cover it any more.
    std::vector<Claimed> unsent{call};
    co_await ledger_.put_back(std::move(unsent));
    co_return;
  }
  const LedgerTime sent_at = ledger_.clock().now();
  Answer answer = co_await ask(ready);
  ready.seat.came_back();
  const CallReport report = report_of(call, answer, sent_at);
  const PutBack which = policy_.answered(call, report, now());
  std::vector<Ready> unsent = take_ready(which, call.chunk.target_no);
  send_ready();
  const Recorded recorded = co_await ledger_.record(call, report);
  // At once: who is recorded meanwhile counts on what stands here.
  policy_.recorded(call, report, recorded);
  pass_on_remarks();
  co_await put_back(std::move(unsent));
  policy_.goes_on(which);
}

Request Runner::request_of(const Claimed& call) const {
  switch (call.target.step) {
    case Step::look_up:
      return look_up_request(call.addresses);
    case Step::create:
      return create_request(call.addresses, invite_.member_email_notification && !call.chunk.quiet);
    case Step::verify:
    case Step::look:
      return page_request(call.target, call.page);
    case Step::invite:
      break;
  }
  return invite_request(call.target, call.chunk.ids, invite_, call.chunk.quiet);
}

// What could not be sent for want of files, threads or memory goes back with all that is ready; that ends the run. What
// was lost inside after it may have left stays in the ledger as an intent: the next run finds it in doubt.
boost::asio::awaitable<Answer> Runner::ask(Ready& ready) {
  const Claimed& call = ready.call;
  Request request = request_of(call);
  request.not_after = instant(call.claimed_at + 2 * call_timeout_);
  try {
    co_return co_await outside_.transport.send(std::move(request));
  } catch (const LostInside& lost) {
    std::rethrow_exception(lost.cause);
  } catch (...) {
    fail(std::current_exception());
    ready.seat.came_back();
    ready_.push_front(std::move(ready));
    throw;
  }
}

CallReport Runner::report_of(const Claimed& call, Answer& answer, LedgerTime sent_at) {
  CallReport report;
  report.read_at = ledger_.clock().now();
  report.answer_read = answer.reached != Answer::Reached::maybe;
  report.end.latency = report.read_at - sent_at;
  report.end.http_status = answer.status;
  report.advice = parse_rate_advice(answer);
  if (report.advice && report.advice->reset > longest_retry_after) report.advice.reset();  // a date, or nonsense
  if (!answer.retry_after.empty()) report.retry_after = parse_retry_after(answer.retry_after, outside_.clock.wall());
  if (report.retry_after && *report.retry_after > longest_retry_after) {
    outside_.warn(words_of_long_wait(*report.retry_after, longest_retry_after));
    report.retry_after = longest_retry_after;
  }
  Judgement how = policy_.judgement(call, sent_at, report.read_at);
  how.retry_after = report.retry_after;
  report.verdict = judge(answer, call.chunk, how);
  report.end.reason = report.verdict.reason;
  report.end.error = report.verdict.call_error;
  return report;
}

std::vector<Runner::Ready> Runner::take_ready(PutBack which, std::int64_t target_no) {
  const auto stays = [&](const Ready& ready) {
    return which == PutBack::nothing || (which == PutBack::of_the_target && ready.call.chunk.target_no != target_no);
  };
  const auto first = std::stable_partition(ready_.begin(), ready_.end(), stays);
  std::vector<Ready> taken(std::make_move_iterator(first), std::make_move_iterator(ready_.end()));
  ready_.erase(first, ready_.end());
  return taken;
}

// Their seats are free once it is on disk that they were not sent.
boost::asio::awaitable<void> Runner::put_back(std::vector<Ready> unsent) {
  if (unsent.empty()) co_return;
  std::vector<Claimed> calls;
  calls.reserve(unsent.size());
  for (Ready& ready : unsent) calls.push_back(std::move(ready.call));
  co_await ledger_.put_back(std::move(calls));
}

// What is ready goes back, and what is out is waited for. (Where the ledger fails, it knows them as intents, and the
// next run asks again.)
boost::asio::awaitable<void> Runner::come_home() {
  while (policy_.progress().in_flight > 0) {
    std::vector<Ready> unsent = take_ready(PutBack::everything);
    if (unsent.empty()) {
      co_await sleep_->until(Instant::max());
      continue;
    }
    try {
      co_await put_back(std::move(unsent));
    } catch (...) {
      fail(std::current_exception());
    }
  }
}

boost::asio::awaitable<RunEnd> Runner::end() {
  if (policy_.is_canary_done()) {
    const std::int64_t others = co_await ledger_.due();
    if (others > 0) policy_.others_are_due();
  }
  if (const auto reason = policy_.forgives()) co_await ledger_.forgive_rejected(*reason);
  co_return policy_.end(co_await ledger_.refused());
}

void Runner::fail(std::exception_ptr error) {
  if (!failure_) failure_ = std::move(error);
}

void Runner::pass_on_remarks() {
  for (const std::string& text : policy_.remarks().take()) outside_.warn(text);
}

}  // namespace convoke
