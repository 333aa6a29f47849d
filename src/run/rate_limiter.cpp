#include "run/rate_limiter.h"

#include <algorithm>

namespace convoke {
namespace {

// Who only has a day's limit wants his calls now, not spread over the day.
constexpr Duration longest_paced = std::chrono::minutes(1);
// A 429 without a word on when, to one who knows of no limit.
constexpr Duration shortest_pause = std::chrono::seconds(1);
// How long a server may stand still with a request in its buffers, and then count it.
constexpr Duration longest_standstill = std::chrono::minutes(1);

}  // namespace

Duration unanswered(Duration call_timeout) {
  return 2 * call_timeout + std::max(call_timeout, longest_standstill);
}

RateLimiter::RateLimiter(const LimitSettings& settings, SlotBook& book)
    : limits_(settings.calls), reserve_(settings.reserve), book_(book) {
  const auto by_window = [](const Limit& one, const Limit& other) { return one.window < other.window; };
  if (limits_.empty()) return;
  shortest_ = static_cast<std::size_t>(std::min_element(limits_.begin(), limits_.end(), by_window) - limits_.begin());
  longest_ = static_cast<std::size_t>(std::max_element(limits_.begin(), limits_.end(), by_window) - limits_.begin());
}

int RateLimiter::usable(std::size_t limit) const {
  return limits_[limit].calls - (limit == longest_ ? reserve_ : 0);
}

Admission RateLimiter::take(LedgerTime now, LedgerTime latest) {
  Admission admission;
  const auto hold_until = [&](LedgerTime until, std::optional<Limit> limit, bool is_unknown = false) {
    if (until <= now || until <= admission.until) return;
    admission.until = until;
    admission.held_by = limit;
    admission.is_unknown = is_unknown;
  };

  Pace pace = book_.pace();
  hold_until(pace.paused_until, std::nullopt);
  const bool advised = pace.allowed >= 0 && now < pace.allowed_until;
  if (advised && pace.allowed == 0) hold_until(pace.allowed_until, std::nullopt);

  const bool is_paced = !limits_.empty() && limits_[shortest_].window <= longest_paced;
  LedgerTime next_at;
  if (is_paced) {
    const Limit& limit = limits_[shortest_];
    next_at = book_.next_at(limit.window);
    hold_until(next_at - limit.window / 10, std::nullopt);
    next_at = std::max(next_at, now) + limit.window * 3 / 4 / usable(shortest_);
  }

  for (std::size_t i = 0; i < limits_.size(); ++i) {
    const Duration window = limits_[i].window;
    if (pace.unknown_until > LedgerTime{}) hold_until(pace.unknown_until + window, limits_[i], true);
    // More slots than the limit has (it was lowered since, or is another process's): so many more must be free.
    const int surplus = book_.size(window) - usable(i);
    if (surplus >= 0) hold_until(book_.earliest(window, surplus).free_at, limits_[i]);
  }
  if (admission.until > now) return admission;

  admission.slots.emplace();
  for (const Duration window : book_.windows()) {
    const int size = book_.size(window);
    const std::optional<Slot> first = size > 0 ? std::optional(book_.earliest(window, 0)) : std::nullopt;
    const int number = first && first->free_at <= now ? first->number : size;
    book_.set(window, {number, latest + window});
    admission.slots->push_back({window, number});
  }
  if (is_paced) book_.set_next_at(limits_[shortest_].window, next_at);
  if (advised || pace.allowed >= 0) {
    pace.allowed = advised ? pace.allowed - 1 : -1;
    book_.set_pace(pace);
  }
  return admission;
}

// From latest + W on a slot may be another call's, and is not this one's to set: its process was stopped for so long.
void RateLimiter::answered(const TakenSlots& slots, LedgerTime latest, LedgerTime read_at, LedgerTime now) {
  for (const auto& [window, number] : slots) {
    if (now < latest + window) book_.set(window, {number, read_at + window});
  }
}

void RateLimiter::give_back(const TakenSlots& slots, LedgerTime latest, LedgerTime now) {
  for (const auto& [window, number] : slots) {
    if (now < latest + window) book_.set(window, {number, now});
  }
}

LedgerTime RateLimiter::pause(LedgerTime now, Duration retry_after) {
  return wait(now, std::max({retry_after, shortest_window(), shortest_pause}));
}

LedgerTime RateLimiter::wait(LedgerTime now, Duration duration) {
  Pace pace = book_.pace();
  pace.paused_until = std::max(pace.paused_until, now + duration);
  book_.set_pace(pace);
  return pace.paused_until;
}

void RateLimiter::advise(LedgerTime now, int left, Duration reset) {
  Pace pace = book_.pace();
  const bool advised = pace.allowed >= 0 && now < pace.allowed_until;
  if (advised && (pace.allowed < left || now + reset < pace.allowed_until)) {
    pace.allowed = std::min(pace.allowed, left);
  } else {
    pace.allowed = left;
    pace.allowed_until = now + reset;
  }
  book_.set_pace(pace);
}

std::vector<LimitUse> RateLimiter::use(LedgerTime now) {
  std::vector<LimitUse> uses;
  const LedgerTime unknown_until = book_.pace().unknown_until;
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    const int taken = book_.taken(limits_[i].window, now);
    uses.push_back({limits_[i], taken, std::max(0, usable(i) - taken), {}});
    if (unknown_until == LedgerTime{} || unknown_until + limits_[i].window <= now) continue;
    uses.back().left = 0;
    uses.back().unknown_for = unknown_until + limits_[i].window - now;
  }
  return uses;
}

std::vector<Duration> RateLimiter::windows() const {
  std::vector<Duration> windows;
  for (const Limit& limit : limits_) windows.push_back(limit.window);
  return windows;
}

std::optional<int> RateLimiter::largest_limit() const {
  std::optional<int> largest;
  for (const Limit& limit : limits_) largest = std::max(largest.value_or(0), limit.calls);
  return largest;
}

Duration RateLimiter::shortest_window() const {
  return limits_.empty() ? Duration::zero() : limits_[shortest_].window;
}

}  // namespace convoke
