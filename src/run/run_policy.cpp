#include "run/run_policy.h"

#include <algorithm>
#include <limits>

#include "run/run_words.h"

namespace convoke {
namespace {

using namespace std::chrono_literals;

// A limit or a pause that holds longer than this is not waited for: the run ends, and the next one goes on.
constexpr Duration longest_wait = 5min;
constexpr int most_rounds_ahead = 7;

StoppedBy stopped_by(Reason reason) {
  return reason == Reason::key_refused       ? StoppedBy::key_refused
         : reason == Reason::account_refused ? StoppedBy::account_refused
                                             : StoppedBy::misconfigured;
}

// The wall clock is read to the millisecond: rather one late than early.
WallTime wall_at(LedgerTime at, const Moment& now) {
  return now.wall + std::chrono::ceil<std::chrono::milliseconds>(at - now.at) + 1ms;
}

}  // namespace

RunPolicy::RunPolicy(SendSettings settings, std::uint64_t seed, LedgerTime began)
    : settings_(std::move(settings)),
      random_(seed),
      health_(settings_.retry),
      concurrency_(settings_.calls.connections) {
  if (settings_.max_duration) extent_.ends_at = began + *settings_.max_duration;
  trial_.largest_chunk = settings_.invite.chunk_size;
}

void RunPolicy::begin(const RunCounts& counts, std::int64_t due, bool ever_accepted) {
  counts_ = {counts, counts};
  extent_.due_at_start = due;
  extent_.handled_before = counts.handled();
  trial_.is_accepted = ever_accepted;
}

Next RunPolicy::next(const Moment& now) {
  if (extent_.ends_at && now.at >= *extent_.ends_at)
    stop({StoppedBy::max_duration, "the time given with --max-duration is over"});
  if (health_.gave_up(now.at) && in_flight_->calls == 0) stop({StoppedBy::api_unavailable, health_.words()});
  if (stop_ || is_canary_done()) return {Next::What::end};
  if (room(now.at) > 0 && members_allowed() > 0) return {Next::What::claim, terms(now.at)};
  return {Next::What::wait, {}, wake_up_time({}, now.at)};
}

Next RunPolicy::claimed(const Claims& claims, const Moment& now) {
  const bool is_enough = claims.no_more == NoMore::enough_claimed;
  if (is_enough && room(now.at) > 0) return next(now);
  if (in_flight_->calls == 0 && claims.no_more == NoMore::nothing_due) return {Next::What::end};
  stop_if_hopeless(claims, now);
  if (stop_) return {Next::What::end};
  return {Next::What::wait, {}, wake_up_time(claims, now.at)};
}

Seat RunPolicy::seat(const Claimed& call) {
  health_.claimed(call.chunk);
  return {in_flight_, static_cast<std::int64_t>(call.chunk.ids.size())};
}

bool RunPolicy::may_send() const {
  return !stop_ && in_flight_->sending < concurrency_.allowed();
}

// A job that was never accepted sends its first call alone: if the key, the target or the address is wrong, that costs
// one call and not one per connection. So does a size that was too large.
//
// Without limits, claims run ahead of the connections, so that the next calls' intents are committed while these are
// under way, and many in one commit: as far ahead as a tenth of a second's work. Not so with limits, where a slot that
// waits for a connection is a slot wasted; and hardly where a crash leaves in doubt, for good, what was claimed.
int RunPolicy::most_in_flight() const {
  if (!trial_.is_accepted || trial_.is_size_on_trial) return 1;
  const int allowed = concurrency_.allowed();
  if (!settings_.limits.calls.empty()) return allowed;
  if (settings_.invite.on_doubt == OnDoubt::hold) return 2 * allowed;
  return allowed * (1 + concurrency_.rounds_ahead(most_rounds_ahead));
}

int RunPolicy::room(LedgerTime now) const {
  if (halts_ > 0) return 0;
  if (health_.is_down()) return in_flight_->calls == 0 && now >= health_.probe_at() ? 1 : 0;
  const int most = most_in_flight();
  const int free = most - in_flight_->calls;
  // Claims in batches, too: half of what is ahead at a time.
  return free < (most - concurrency_.allowed()) / 2 ? 0 : free;
}

std::int64_t RunPolicy::members_allowed() const {
  if (!settings_.max_members) return std::numeric_limits<std::int64_t>::max();
  return *settings_.max_members - handled() - in_flight_->members;
}

ClaimTerms RunPolicy::terms(LedgerTime now) const {
  const bool is_canary = settings_.max_members.has_value();
  if (!health_.is_down() && refusals_.ask_at_the_end()) return {1, 1, is_canary, 1, Pick::last_of_list};
  // A probe is of a chunk that did not fail yet, if there is one: what fails may be the chunk.
  const Pick pick = health_.is_down() ? Pick::last_of_list : Pick::asked_before_first;
  return {room(now), members_allowed(), is_canary, trial_.largest_chunk, pick};
}

// Until when there is nothing to do unless an answer comes in.
LedgerTime RunPolicy::wake_up_time(const Claims& claims, LedgerTime now) {
  const LedgerTime never = extent_.ends_at.value_or(LedgerTime::max());
  if (health_.is_down()) {
    if (in_flight_->calls > 0) return never;
    // The next probe, once there is a chunk and a slot for it; and the end of patience in any case.
    const LedgerTime probe = std::max({health_.probe_at(), now, claims.until});
    return std::min({never, probe, health_.gives_up_at()});
  }
  switch (claims.no_more) {
    case NoMore::due_later:
    case NoMore::held:
      return std::min(never, claims.until);
    case NoMore::paused: {
      // All processes come out of a pause at the same moment: each a little later, at random.
      const Duration spread(std::uniform_int_distribution<Duration::rep>(0, Duration(1s).count())(random_));
      return std::min(never, claims.until + spread);
    }
    case NoMore::enough_claimed:
    case NoMore::nothing_due:
    case NoMore::only_retries:
      return never;
  }
  return never;
}

void RunPolicy::stop_if_hopeless(const Claims& claims, const Moment& now) {
  if (claims.no_more == NoMore::only_retries && in_flight_->calls == 0)
    stop({StoppedBy::retry_budget, words_of_retry_budget(counts_.committed)});
  const bool is_held = claims.no_more == NoMore::held || claims.no_more == NoMore::paused;
  if (!is_held || claims.until - now.at <= longest_wait) return;
  const WallTime next = wall_at(claims.until, now);
  const std::string when = words_of_next_call(next, claims.until - now.at);
  if (health_.is_down()) {
    stop({StoppedBy::api_unavailable, health_.words() + "; " + when, next});
  } else if (claims.held_by) {
    stop({StoppedBy::quota, words_of_quota(*claims.held_by, claims.is_use_unknown, when), next});
  } else {
    stop({StoppedBy::rate_limited, "the API asked to wait; " + when, next});
  }
}

Judgement RunPolicy::judgement(LedgerTime now) {
  Judgement how;
  how.retry = settings_.retry;
  how.on_doubt = settings_.invite.on_doubt;
  how.keep_profile = settings_.keep_profile;
  how.create_missing = settings_.invite.create_missing;
  how.ever_accepted = trial_.is_accepted;
  how.now = now;
  how.chance = std::uniform_real_distribution<double>(0, 1)(random_);
  return how;
}

Judgement RunPolicy::judgement(const Claimed& call, LedgerTime sent_at, LedgerTime now) {
  Judgement how = judgement(now);
  how.target_kind = call.target.kind;
  how.target_id = call.target.id;
  how.step = call.target.step;
  how.addresses = call.addresses;
  how.said_before = call.said_before;
  how.page = call.page;
  how.failed_before = health_.failed_before(call.chunk.id);
  how.is_target_known = refusals_.is_target_known(call);
  how.health = {health_.is_down(), health_.is_down_with(call.chunk.id, sent_at, now), health_.is_silent()};
  return how;
}

// By what was answered and before it is even recorded: the next call would be one too many.
PutBack RunPolicy::answered(const Claimed& call, const CallReport& report, const Moment& now) {
  const Verdict& verdict = report.verdict;
  look_at_health(call, report, now);
  if (verdict.accepted) {
    trial_.is_accepted = true;
    trial_.is_size_on_trial = false;
  }
  for (const Piece& piece : verdict.pieces) counts_.answered.of(piece.fate.outcome) += piece.size_of(call.chunk);
  const std::int64_t others = extent_.due_at_start - counts_.answered.of(Outcome::rejected);
  if (auto end = refusals_.saw(call, verdict, others, now.at)) stop(std::move(*end));
  stop_if_too_many_fail();
  // What waits for a connection would only run into the same.
  if (verdict.effect == Effect::pause || verdict.effect == Effect::stop || health_.is_down()) {
    ++halts_;
    return PutBack::everything;
  }
  return verdict.effect == Effect::refuse_target ? PutBack::of_the_target : PutBack::nothing;
}

void RunPolicy::stop_if_too_many_fail() {
  const auto& allowed = settings_.run.max_failures;
  if (!allowed) return;
  const std::int64_t most = allowed->share > 0
                                ? static_cast<std::int64_t>(allowed->share * static_cast<double>(extent_.due_at_start))
                                : allowed->members;
  const std::int64_t failures = counts_.answered.of(Outcome::rejected) + counts_.answered.of(Outcome::failed) +
                                counts_.answered.of(Outcome::in_doubt);
  if (failures > most) stop({StoppedBy::max_failures, words_of_failures(failures, most)});
}

void RunPolicy::look_at_health(const Claimed& call, const CallReport& report, const Moment& now) {
  const Verdict& verdict = report.verdict;
  const LedgerTime sent_at = report.read_at - report.end.latency;
  const bool was_down = health_.is_down();
  const LedgerTime failing_since = health_.failing_since();
  if (verdict.sign == Sign::fails) {
    concurrency_.strained(sent_at, report.read_at, report.end.latency);
    health_.failed(call.chunk.id, sent_at, report.read_at, verdict.call_error);
    if (verdict.effect == Effect::pause) wait_as_told(report, now);
  } else {
    concurrency_.answered(report.end.latency);
    if (verdict.sign == Sign::refuses) {
      health_.refused(report.read_at, verdict.call_error);
    } else {
      health_.answered(report.read_at);
    }
  }
  // One word when the API is seen to be down, and one when it is back.
  if (was_down && !health_.is_down()) remarks_.say(words_of_recovery(report.read_at - failing_since));
  const Duration patience_left = health_.gives_up_at() - report.read_at;
  if (!was_down && health_.is_down() && patience_left > Duration::zero())
    remarks_.say(words_of_outage(health_.words(), patience_left));
}

// It says that it is down, and for how long. Longer than patience is not waited for.
void RunPolicy::wait_as_told(const CallReport& report, const Moment& now) {
  const Duration wait = report.retry_after.value_or(Duration::zero());
  if (wait < 1s) return;
  const LedgerTime until = report.read_at + wait;
  health_.told_down(until);
  if (until < health_.gives_up_at()) return;
  const WallTime next = now.wall + std::chrono::ceil<std::chrono::milliseconds>(wait);
  stop({StoppedBy::api_unavailable, health_.words() + "; it asks to wait until " + format_time(next), next});
}

void RunPolicy::recorded(const Claimed& call, const CallReport& report, const Recorded& recorded) {
  counts_.committed = recorded.counts;
  const Verdict& verdict = report.verdict;
  if (!verdict.alarm.empty()) remarks_.say(words_of_alarm(call.call, verdict.alarm));
  switch (verdict.effect) {
    case Effect::none:
      break;
    case Effect::stop:
      stop({stopped_by(verdict.reason), words_of_stop(verdict), {}, verdict.reason});
      break;
    case Effect::refuse_target:
      if (!is_of_pages(call.target.step))
        remarks_.say_once(call.target.id, words_of_refused_target(call.target, verdict.call_error));
      break;
    case Effect::shrink:
      if (call.target.step == Step::invite) shrink(call.chunk.ids.size());
      break;
    case Effect::pause:
      if (verdict.reason == Reason::rate_limited)
        remarks_.say_once("", words_of_foreign_use(recorded.use_at_pause, recorded.paused_until - report.read_at));
      break;
  }
}

void RunPolicy::goes_on(PutBack after) {
  if (after == PutBack::everything) --halts_;
}

void RunPolicy::shrink(std::size_t too_large) {
  const int half = static_cast<int>((too_large + 1) / 2);
  if (half >= trial_.largest_chunk) return;
  trial_.largest_chunk = half;
  trial_.is_size_on_trial = true;
  remarks_.say(words_of_size(too_large, half));
}

void RunPolicy::stop(RunEnd why) {
  if (!stop_) stop_ = std::move(why);
}

bool RunPolicy::is_canary_done() const {
  return !stop_ && in_flight_->calls == 0 && members_allowed() <= 0;
}

void RunPolicy::others_are_due() {
  stop({StoppedBy::max_members, words_of_canary(handled())});
}

std::optional<Reason> RunPolicy::forgives() const {
  if (!stop_) return std::nullopt;
  if (stop_->by == StoppedBy::refused_alike) return Reason::none;
  return stop_->reason == Reason::too_large ? std::optional(Reason::too_large) : std::nullopt;
}

RunEnd RunPolicy::end(std::vector<RefusedTarget> refused) const {
  RunEnd end = stop_.value_or(RunEnd{});
  if (end.by == StoppedBy::nothing && !refused.empty()) {
    end.by = StoppedBy::course_refused;
    end.reason = Reason::course_refused;
    end.message = words_of_refused_targets(refused);
  }
  end.refused = std::move(refused);
  return end;
}

}  // namespace convoke
