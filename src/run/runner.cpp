#include "run/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "api/invite.h"
#include "base/numbers.h"
#include "base/text.h"
#include "ledger/troubles.h"

namespace convoke {
namespace {

using namespace std::chrono_literals;

// A limit or a pause that holds longer than this is not waited for: the run ends, and the next one goes on.
constexpr Duration longest_wait = 5min;
constexpr Duration longest_retry_after = 24h;
constexpr std::int64_t most_rounds_ahead = 7;
// So many single members refused with the same words, of them so many from the end of the list, speak for the whole
// list.
constexpr int refusals_to_doubt = 3;
constexpr int refusals_to_stop = 5;
constexpr int refusals_at_end_to_stop = 2;
constexpr std::int64_t members_worth_stopping_for = 100;
// Of a course that was accepted in an earlier run it may well be the members: it takes more of them to speak for the
// job.
constexpr std::int64_t members_worth_stopping_for_later = 1000;
constexpr int too_large_alone_to_stop = 5;
constexpr int strange_to_stop = 5;

std::string numbers_of(const std::vector<LimitUse>& uses) {
  std::string text;
  for (const LimitUse& use : uses)
    text += fmt::format("{}{} of {}", text.empty() ? "" : " and ", use.taken, format_limit(use.limit));
  return text.empty() ? "no limits of its own" : text;
}

std::vector<Claimed> one(const Claimed& call) {
  return {call};
}

StoppedBy stopped_by(Reason reason) {
  return reason == Reason::key_refused       ? StoppedBy::key_refused
         : reason == Reason::account_refused ? StoppedBy::account_refused
                                             : StoppedBy::misconfigured;
}

}  // namespace

std::string_view name_of(StoppedBy reason) {
  switch (reason) {
    case StoppedBy::nothing:
      return "";
    case StoppedBy::signal:
      return "signal";
    case StoppedBy::max_duration:
      return "max_duration";
    case StoppedBy::max_members:
      return "max_members";
    case StoppedBy::quota:
      return "quota";
    case StoppedBy::rate_limited:
      return "rate_limited";
    case StoppedBy::api_unavailable:
      return "api_unavailable";
    case StoppedBy::retry_budget:
      return "retry_budget";
    case StoppedBy::key_refused:
      return "key_refused";
    case StoppedBy::account_refused:
      return "account_refused";
    case StoppedBy::misconfigured:
      return "misconfigured";
    case StoppedBy::course_refused:
      return "course_refused";
    case StoppedBy::max_failures:
      return "max_failures";
    case StoppedBy::refused_alike:
      return "refused_alike";
  }
  return "";
}

Runner::Runner(RunnerSettings settings, RunLedger& ledger, Transport& transport, const Clock& clock, Alarms& alarms,
               boost::asio::any_io_executor loop, std::uint64_t seed, std::function<void(const std::string&)> warn)
    : settings_(std::move(settings)),
      ledger_(ledger),
      transport_(transport),
      clock_(clock),
      loop_(loop),
      random_(seed),
      warn_(std::move(warn)),
      sleep_(loop, alarms),
      health_(settings_.retry.patience, settings_.retry.first, settings_.retry.longest),
      concurrency_(settings_.connections),
      largest_chunk_(settings_.invite.chunk_size) {
  if (settings_.max_duration) ends_at_ = clock_.now() + *settings_.max_duration;
}

Judgement Runner::judgement() {
  Judgement judgement;
  judgement.attempts = settings_.retry.attempts;
  judgement.on_doubt = settings_.invite.on_doubt;
  judgement.keep_profile = settings_.keep_profile;
  judgement.ever_accepted = is_accepted_;
  judgement.now = ledger_.clock().now();
  judgement.back_off = [this](int tries) {
    return back_off(settings_.retry.first, settings_.retry.longest, tries,
                    std::uniform_real_distribution<double>(0, 1)(random_));
  };
  return judgement;
}

Instant Runner::instant(LedgerTime time) const {
  return clock_.now() + (time - ledger_.clock().now());
}

void Runner::stop(StoppedBy by, std::string message, Reason reason) {
  if (stop_) return;
  stop_ = RunEnd{by, std::move(message), {}, reason};
  sleep_.wake();
}

boost::asio::awaitable<RunEnd> Runner::run(std::int64_t due, bool ever_invited) {
  due_at_start_ = due;
  is_accepted_ = ever_invited;
  counts_ = ledger_.log().counts();
  seen_ = counts_;
  handled_before_ = counts_.handled();
  try {
    co_await claim_and_send();
  } catch (...) {
    failure_ = std::current_exception();
  }
  co_await finish();
  if (failure_) std::rethrow_exception(failure_);
  RunEnd end = stop_.value_or(RunEnd{});
  end.refused = co_await ledger_.refused();
  if (end.by == StoppedBy::nothing && !end.refused.empty()) {
    end.by = StoppedBy::course_refused;
    end.reason = Reason::course_refused;
    end.message = end.refused.size() == 1
                      ? fmt::format("the API refuses the course {}: {}", excerpt(end.refused.front().course_id),
                                    end.refused.front().words)
                      : fmt::format("the API refuses {} courses, the first of them {}: {}", end.refused.size(),
                                    excerpt(end.refused.front().course_id), end.refused.front().words);
  }
  co_return end;
}

// A job that was never accepted sends its first call alone: if the key, the course or the address is wrong, that costs
// one call and not one per connection. So does a size that was too large.
//
// Without limits, claims run ahead of the connections, so that the next calls' intents are committed while these are
// under way, and many in one commit: as far ahead as a tenth of a second's work. Not so with limits, where a slot that
// waits for a connection is a slot wasted; and hardly where a crash leaves in doubt, for good, what was claimed.
int Runner::most_in_flight() const {
  if (!is_accepted_ || is_size_on_trial_) return 1;
  const int allowed = concurrency_.allowed();
  if (settings_.limited) return allowed;
  if (settings_.invite.on_doubt == OnDoubt::hold) return 2 * allowed;
  const auto rounds = Duration(100ms) / std::max<Duration>(usual_latency_, 1ms);
  return allowed * (1 + static_cast<int>(std::clamp<std::int64_t>(rounds, 1, most_rounds_ahead)));
}

int Runner::room() const {
  if (halts_ > 0) return 0;
  if (health_.is_down()) return in_flight_ == 0 && ledger_.clock().now() >= health_.probe_at() ? 1 : 0;
  const int most = most_in_flight();
  const int free = most - in_flight_;
  // Claims in batches, too: half of what is ahead at a time.
  return free < (most - concurrency_.allowed()) / 2 ? 0 : free;
}

std::int64_t Runner::members_allowed() const {
  if (!settings_.max_members) return std::numeric_limits<std::int64_t>::max();
  return *settings_.max_members - (counts_.handled() - handled_before_) - members_in_flight_;
}

ClaimTerms Runner::terms() const {
  const bool is_canary = settings_.max_members.has_value();
  // A probe is of a chunk that did not fail yet, if there is one: what fails may be the chunk.
  if (health_.is_down()) return {room(), members_allowed(), is_canary, largest_chunk_, Pick::last_of_list};
  // Members next to each other in a list of ids in order may all be old, say, and unknown: ask at the other end, too.
  if (alike_.in_a_row >= refusals_to_doubt) return {1, 1, is_canary, 1, Pick::last_of_list};
  return {room(), members_allowed(), is_canary, largest_chunk_, Pick::asked_before_first};
}

boost::asio::awaitable<void> Runner::claim_and_send() {
  while (!stop_ && !failure_) {
    if (ends_at_ && clock_.now() >= *ends_at_) {
      stop(StoppedBy::max_duration, "the time given with --max-duration is over");
      continue;
    }
    if (health_.gave_up(ledger_.clock().now()) && in_flight_ == 0) {
      stop(StoppedBy::api_unavailable, unavailable());
      continue;
    }
    if (in_flight_ == 0 && members_allowed() <= 0) {
      co_await end_canary();
      co_return;
    }
    Claims claims;
    if (room() > 0 && members_allowed() > 0) {
      claims = co_await ledger_.claim(terms());
      for (Claimed& call : claims.calls) {
        ++in_flight_;
        members_in_flight_ += static_cast<std::int64_t>(call.chunk.ids.size());
        if (call.chunk.failed_before()) failed_before_.insert(call.chunk.id);
        ready_.push_back(std::move(call));
      }
      if (halts_ > 0) {
        // A 429 or an outage came in meanwhile. What the claim said of the rest is old by the time this is put back.
        co_await put_back(take_ready());
        continue;
      }
      send_ready();
      if (!claims.calls.empty() && room() > 0 && claims.all_claimed) continue;
      if (in_flight_ == 0 && !claims.all_claimed && !claims.next_due)
        co_return;  // nothing is due, nothing can become due
      stop_if_hopeless(claims);
      if (stop_) continue;
    }
    co_await sleep_.until(wake_up_time(claims));
  }
}

// So many members are settled as were to be: if others are due, that is why it stops.
boost::asio::awaitable<void> Runner::end_canary() {
  const std::int64_t due = co_await ledger_.due();  // g++ 12 makes a trap of a co_await in the condition
  if (due > 0) {
    stop(StoppedBy::max_members, fmt::format("{} came to an outcome, as --max-members asks",
                                             counted(counts_.handled() - handled_before_, "member")));
  }
}

// Until when there is nothing to do unless an answer comes in.
Instant Runner::wake_up_time(const Claims& claims) {
  Instant wake = Instant::max();
  const auto not_later = [&](Instant when) { wake = std::min(wake, when); };
  if (ends_at_) not_later(*ends_at_);
  if (health_.is_down()) {
    // The next probe, once there is a chunk and a slot for it; and the end of patience in any case.
    LedgerTime probe = std::max(health_.probe_at(), ledger_.clock().now());
    if (!claims.all_claimed) probe = std::max(probe, std::max(claims.held.until, claims.next_due.value_or(probe)));
    if (in_flight_ == 0) not_later(instant(std::min(probe, health_.gives_up_at())));
    return wake;
  }
  if (claims.all_claimed) return wake;
  if (claims.held.until > LedgerTime{}) {
    // All processes come out of a pause at the same moment: each a little later, at random.
    const Duration spread =
        claims.paused ? Duration(std::uniform_int_distribution<Duration::rep>(0, Duration(1s).count())(random_)) : 0us;
    not_later(instant(claims.held.until) + spread);
  } else if (claims.next_due && !claims.only_retries_left) {
    not_later(instant(*claims.next_due));
  }
  return wake;
}

void Runner::stop_if_hopeless(const Claims& claims) {
  const LedgerTime now = ledger_.clock().now();
  if (claims.only_retries_left && in_flight_ == 0) {
    stop(StoppedBy::retry_budget,
         fmt::format("{} of {} calls were retries: the API fails too often to go on", counts_.retries, counts_.calls));
    return;
  }
  if (claims.held.until - now <= longest_wait || claims.held.until == LedgerTime{}) return;
  // The wall clock is read to the millisecond: rather one late than early.
  const WallTime next = clock_.wall() + std::chrono::ceil<std::chrono::milliseconds>(claims.held.until - now) + 1ms;
  const std::string when =
      fmt::format("a call may go again at {} (in {})", format_time(next), describe_duration(claims.held.until - now));
  if (health_.is_down()) {
    stop(StoppedBy::api_unavailable, fmt::format("{}; {}", unavailable(), when));
  } else if (claims.held.held_by && claims.held.is_unknown) {
    stop(StoppedBy::quota,
         fmt::format(
             "the ledger was copied, or moved without its -calls file, so it is not known what was sent "
             "meanwhile, and the limit {} counts as used up; {}; if you know how many calls of the longest limit "
             "are used, say so: --assume-used N",
             format_limit(*claims.held.held_by), when));
  } else if (claims.held.held_by) {
    stop(StoppedBy::quota, fmt::format("the limit {} is used up; {}", format_limit(*claims.held.held_by), when));
  } else {
    stop(StoppedBy::rate_limited, fmt::format("the API asked to wait; {}", when));
  }
  stop_->next_call = next;
}

void Runner::send_ready() {
  while (!ready_.empty() && sending_ < concurrency_.allowed() && !stop_ && !failure_) {
    ++sending_;
    auto on_end = [this](std::exception_ptr error) {
      if (error && !failure_) failure_ = error;
      sleep_.wake();
    };
    // Taken out first: the coroutine starts within co_spawn.
    Claimed call = std::move(ready_.front());
    ready_.pop_front();
    boost::asio::co_spawn(loop_, send(std::move(call)), std::move(on_end));
  }
}

// Whatever happens on the way, the call is no longer in flight when this ends: finish() counts on it.
boost::asio::awaitable<void> Runner::send(Claimed call) {
  bool is_sending = true;
  std::exception_ptr error;
  try {
    co_await send_and_record(call, is_sending);
  } catch (...) {
    error = std::current_exception();
  }
  if (is_sending) --sending_;
  forget(call);
  if (error) std::rethrow_exception(error);
  send_ready();
}

boost::asio::awaitable<void> Runner::send_and_record(Claimed& call, bool& is_sending) {
  const LedgerTime sent_at = ledger_.clock().now();
  if (sent_at - call.claimed_at > settings_.call_timeout) {
    // It waited so long for its turn (the machine slept, say) that its slots would not cover it any more.
    co_await ledger_.put_back(one(call));
    co_return;
  }
  Request request = invite_request(call.course_id, call.chunk.ids, settings_.invite, call.chunk.quiet);
  request.not_after = instant(call.claimed_at + 2 * settings_.call_timeout);
  Answer answer;
  std::exception_ptr not_sent;
  try {
    answer = co_await transport_.send(std::move(request));
  } catch (const LostInside& lost) {
    std::rethrow_exception(lost.cause);  // the ledger has it as an intent: the next run finds it in doubt
  } catch (...) {
    not_sent = std::current_exception();
  }
  if (not_sent) {
    co_await ledger_.put_back(one(call));
    std::rethrow_exception(not_sent);
  }
  is_sending = false;
  --sending_;
  Report report = report_of(call, answer, sent_at);
  weigh(call, report);
  watch(call, report.verdict);
  // What waits for a connection would only run into the same.
  const bool halts =
      report.verdict.effect == Effect::pause || report.verdict.effect == Effect::stop || health_.is_down();
  std::vector<Claimed> unsent;
  if (halts) {
    ++halts_;
    unsent = take_ready();
  } else if (report.verdict.effect == Effect::refuse_course) {
    unsent = take_ready(call.chunk.course_no);
  }
  send_ready();
  std::exception_ptr error;
  try {
    note_recorded(call, report, co_await ledger_.record(call, report));
  } catch (...) {
    error = std::current_exception();
  }
  try {
    co_await put_back(std::move(unsent));
  } catch (...) {
    if (!error) error = std::current_exception();
  }
  if (halts) --halts_;
  if (error) std::rethrow_exception(error);
}

Report Runner::report_of(const Claimed& call, Answer& answer, LedgerTime sent_at) {
  Report report;
  report.read_at = ledger_.clock().now();
  report.answer_read = answer.reached != Answer::Reached::maybe;
  report.end.latency = report.read_at - sent_at;
  report.end.http_status = answer.status;
  report.advice = parse_rate_advice(answer);
  if (report.advice && report.advice->reset > longest_retry_after) report.advice.reset();  // a date, or nonsense
  if (!answer.retry_after.empty()) report.retry_after = parse_retry_after(answer.retry_after, clock_.wall());
  if (report.retry_after && *report.retry_after > longest_retry_after) {
    warn_(fmt::format("the API asked to wait {}; taken as {}", describe_duration(*report.retry_after),
                      describe_duration(longest_retry_after)));
    report.retry_after = longest_retry_after;
  }
  Judgement how = judgement();
  how.course_id = call.course_id;
  how.told_to_wait = report.retry_after.has_value();
  report.verdict = judge(answer, call.chunk, how);
  report.end.reason = report.verdict.reason;
  report.end.error = report.verdict.call_error;
  if (report.verdict.sign == Sign::fails) {
    concurrency_.strained(sent_at, report.read_at);
  } else {
    concurrency_.answered();
  }
  usual_latency_ += (report.end.latency - usual_latency_) / 8;
  return report;
}

std::vector<Claimed> Runner::take_ready() {
  std::vector<Claimed> taken(std::make_move_iterator(ready_.begin()), std::make_move_iterator(ready_.end()));
  ready_.clear();
  return taken;
}

std::vector<Claimed> Runner::take_ready(std::int64_t course_no) {
  const auto others = std::stable_partition(ready_.begin(), ready_.end(),
                                            [&](const Claimed& call) { return call.chunk.course_no != course_no; });
  std::vector<Claimed> taken(std::make_move_iterator(others), std::make_move_iterator(ready_.end()));
  ready_.erase(others, ready_.end());
  return taken;
}

boost::asio::awaitable<void> Runner::put_back(std::vector<Claimed> calls) {
  if (calls.empty()) co_return;
  std::exception_ptr error;
  try {
    co_await ledger_.put_back(calls);
  } catch (...) {
    error = std::current_exception();
  }
  for (const Claimed& call : calls) forget(call);
  if (error) std::rethrow_exception(error);
}

std::string Runner::unavailable() const {
  if (health_.failures() == 0) return fmt::format("it answers nothing but 429, the latest: {}", last_failure_);
  return health_.failures() == 1
             ? fmt::format("the last call failed: {}", last_failure_)
             : fmt::format("the last {} calls failed, the latest: {}", health_.failures(), last_failure_);
}

void Runner::forget(const Claimed& call) {
  --in_flight_;
  members_in_flight_ -= static_cast<std::int64_t>(call.chunk.ids.size());
}

// What the API's health makes of a verdict.
void Runner::weigh(const Claimed& call, Report& report) {
  Verdict& verdict = report.verdict;
  const LedgerTime now = report.read_at;
  ask_once_more(call, verdict, now);
  const bool was_down = health_.is_down();
  const LedgerTime failing_since = health_.failing_since();
  if (verdict.sign == Sign::answers) {
    health_.answered(now);
    say_health(was_down, failing_since, now);
    return;
  }
  last_failure_ = verdict.call_error;
  if (verdict.sign == Sign::refuses) {
    health_.refused(now);
    return;
  }
  health_.failed(call.chunk.id, failed_before_.contains(call.chunk.id), now - report.end.latency, now);
  if (verdict.effect == Effect::pause) wait_as_told(report);
  say_health(was_down, failing_since, now);
  for (Piece& piece : verdict.pieces) {
    if (piece.fate.outcome == Outcome::in_doubt || verdict.effect == Effect::stop) continue;
    // What the API says of itself in the middle of a run may be about this chunk alone.
    const bool is_outage = health_.is_down() && verdict.effect != Effect::pause;
    if (was_down || (verdict.exhausted && is_outage)) {
      // A probe: what the whole API fails at costs the chunk nothing.
      piece.fate.tries = call.chunk.tries;
      piece.fate.outcome = Outcome::pending;
      piece.fate.not_before = now;
      verdict.exhausted = false;
    } else if (verdict.exhausted && health_.is_silent() && !failed_before_.contains(call.chunk.id)) {
      // An API that never answered yet fails the chunk, not the chunk itself: it is patience that ends this. Unless it
      // failed in an earlier run too, when others were answered.
      piece.fate.tries = call.chunk.tries;
      piece.fate.outcome = Outcome::pending;
      piece.fate.not_before = now + judgement().back_off(call.chunk.tries + 1);
      verdict.exhausted = false;
    }
  }
}

// It says that it is down, and for how long. Longer than patience is not waited for.
void Runner::wait_as_told(Report& report) {
  const LedgerTime until = report.read_at + report.retry_after.value_or(Duration::zero());
  for (Piece& piece : report.verdict.pieces) piece.fate.not_before = std::max(piece.fate.not_before, until);
  if (until - report.read_at < 1s) return;
  health_.told_down(until);
  if (until < health_.gives_up_at()) return;
  const WallTime next = clock_.wall() + std::chrono::ceil<std::chrono::milliseconds>(until - report.read_at);
  stop(StoppedBy::api_unavailable, fmt::format("{}; it asks to wait until {}", unavailable(), format_time(next)));
  if (!stop_->next_call) stop_->next_call = next;
}

// One word when the API is seen to be down, and one when it is back.
void Runner::say_health(bool was_down, LedgerTime failing_since, LedgerTime now) {
  if (was_down == health_.is_down()) return;
  if (was_down) {
    warn_(fmt::format("the API answers again, after {}", describe_duration(now - failing_since)));
  } else if (const Duration left = health_.gives_up_at() - now; left > Duration::zero()) {
    warn_(fmt::format("the API does not answer: {}; one call at a time tries it, for {} more", unavailable(),
                      describe_duration(left)));
  }
}

void Runner::note_recorded(const Claimed& call, const Report& report, const Recorded& recorded) {
  counts_ = recorded.counts;
  const Verdict& verdict = report.verdict;
  if (!verdict.alarm.empty()) warn_(fmt::format("call {}: {}", call.call, verdict.alarm));
  switch (verdict.effect) {
    case Effect::none:
      break;
    case Effect::stop:
      // What the wire itself says is already in our own words.
      stop(stopped_by(verdict.reason),
           is_told_by_the_wire(verdict.reason)
               ? verdict.call_error
               : fmt::format("{}: {}", words_of(verdict.reason).meaning, verdict.call_error),
           verdict.reason);
      break;
    case Effect::refuse_course:
      if (!refused_courses_said_.insert(call.course_id).second) break;
      warn_(fmt::format("the API refuses the course {}; its members stay due: {}", excerpt(call.course_id),
                        verdict.call_error));
      break;
    case Effect::shrink:
      if (const int half = static_cast<int>((call.chunk.ids.size() + 1) / 2); half < largest_chunk_) {
        largest_chunk_ = half;
        is_size_on_trial_ = true;
        warn_(fmt::format("a call of {} members is too large for the API; from here on at most {}",
                          call.chunk.ids.size(), half));
      }
      break;
    case Effect::pause:
      if (verdict.reason == Reason::rate_limited && !foreign_use_said_) {
        foreign_use_said_ = true;
        warn_(fmt::format(
            "the API answered 429 though this ledger has used {}: someone else uses the key, or its limits are lower "
            "than [limits] says; all wait {}",
            numbers_of(recorded.use_at_pause), describe_duration(recorded.paused_until - report.read_at)));
      }
      break;
  }
}

// Stops a run that goes wrong, by what was answered and before it is even recorded: the next call would be one too
// many.
void Runner::watch(const Claimed& call, const Verdict& verdict) {
  if (verdict.accepted) {
    is_accepted_ = is_accepted_in_run_ = true;
    is_size_on_trial_ = false;
  }
  for (const Piece& piece : verdict.pieces) {
    seen_.of(piece.fate.outcome) +=
        static_cast<std::int64_t>(piece.members.empty() ? call.chunk.ids.size() : piece.members.size());
  }
  watch_refusal(call, verdict);
  if (!settings_.max_failures) return;
  const std::int64_t most =
      settings_.max_failures->share > 0
          ? static_cast<std::int64_t>(settings_.max_failures->share * static_cast<double>(due_at_start_))
          : settings_.max_failures->members;
  const std::int64_t failures = seen_.of(Outcome::rejected) + seen_.of(Outcome::failed) + seen_.of(Outcome::in_doubt);
  if (failures > most) {
    stop(StoppedBy::max_failures, fmt::format("{} rejected, failed or in doubt; run.max_failures allows {}",
                                              counted(failures, "member"), grouped(most)));
  }
}

void Runner::Alike::add(std::string refusal, bool is_at_end) {
  const bool same = refusal == words;
  in_a_row = same ? in_a_row + 1 : 1;
  at_end = (same ? at_end : 0) + (is_at_end ? 1 : 0);
  words = std::move(refusal);
}

// Where a run has nobody accepted and one after the other is refused with the same words, it is the job that is wrong,
// and asking for each member would only burn the quota and blame them. (It takes some from the end of the list, too:
// ids are asked for in order, and neighbours may well all be bad.)
void Runner::watch_refusal(const Claimed& call, const Verdict& verdict) {
  watch_strange(verdict);
  if (verdict.accepted) too_large_alone_ = 0;
  if (verdict.reason == Reason::too_large && call.chunk.ids.size() == 1 &&
      ++too_large_alone_ >= too_large_alone_to_stop) {
    stop(StoppedBy::misconfigured, fmt::format("even calls of one member are too large: {}", verdict.call_error),
         Reason::too_large);
  }
  if (is_accepted_in_run_) alike_ = {};
  if (is_accepted_in_run_ || call.chunk.ids.size() != 1 || verdict.effect != Effect::none ||
      verdict.pieces.front().fate.outcome != Outcome::rejected)
    return;
  alike_.add(without_ids(verdict.call_error), call.pick == Pick::last_of_list);
  if (alike_.in_a_row >= refusals_to_stop && alike_.at_end >= refusals_at_end_to_stop &&
      due_at_start_ - seen_.of(Outcome::rejected) >=
          (call.is_course_accepted ? members_worth_stopping_for_later : members_worth_stopping_for)) {
    stop(StoppedBy::refused_alike,
         fmt::format("every call of this run was refused alike, down to single members: {}", verdict.call_error));
  }
}

// One page for people, one answer that cannot be understood is an accident of the way. Several in a row, and nothing
// accepted in between, are what answers in place of the API.
void Runner::watch_strange(const Verdict& verdict) {
  const bool is_strange =
      !verdict.accepted && (verdict.reason == Reason::login_page || verdict.reason == Reason::odd_answer);
  if (verdict.accepted) strange_in_a_row_ = 0;
  if (!is_strange || ++strange_in_a_row_ < strange_to_stop) return;
  stop(
      StoppedBy::misconfigured,
      fmt::format("{}, {} times in a row: {}", words_of(verdict.reason).meaning, strange_in_a_row_, verdict.call_error),
      verdict.reason);
}

// A course that was there is not given up on for one answer that says otherwise.
void Runner::ask_once_more(const Claimed& call, Verdict& verdict, LedgerTime now) {
  if (verdict.accepted) missed_once_.erase(call.chunk.course_no);
  if (verdict.effect != Effect::refuse_course || !call.is_course_accepted) return;
  const auto [missed, is_first] = missed_once_.emplace(call.chunk.course_no, now);
  if (!is_first && call.claimed_at > missed->second) return;
  verdict.effect = Effect::none;
  Fate& fate = verdict.pieces.front().fate;
  fate.not_before = now + settings_.retry.first;
  // Where others of the course are accepted in between, it is not the course.
  if (++fate.tries >= std::max(settings_.retry.attempts, 2)) fate.outcome = Outcome::failed;
}

boost::asio::awaitable<void> Runner::finish() {
  std::vector<Claimed> unsent = take_ready();
  if (failure_) {
    for (const Claimed& call : unsent) forget(call);  // the ledger knows them as intents; the next run asks again
  } else {
    try {
      co_await put_back(std::move(unsent));
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  while (in_flight_ > 0) co_await sleep_.until(Instant::max());
  const bool is_not_theirs = stop_ && (stop_->by == StoppedBy::refused_alike || stop_->reason == Reason::too_large);
  if (is_not_theirs && !failure_) {
    co_await ledger_.forgive_rejected(stop_->reason);
    counts_ = ledger_.log().counts();
  }
}

}  // namespace convoke
