#include "run/rate_limiter.h"

#include <algorithm>

namespace convoke {
namespace {

// Who only has a day's limit wants his calls now, not spread over the day.
constexpr Duration longest_paced = std::chrono::minutes(1);
// A 429 without a word on when, to one who knows of no limit.
constexpr Duration shortest_pause = std::chrono::seconds(1);

}  // namespace

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
  const auto hold_until = [&](LedgerTime until, std::optional<Limit> limit) {
    if (until <= now || until <= admission.until) return;
    admission.until = until;
    admission.held_by = limit;
  };

  Pace pace = book_.pace();
  hold_until(pace.paused_until, std::nullopt);
  const bool advised = pace.allowed >= 0 && now < pace.allowed_until;
  if (advised && pace.allowed == 0) hold_until(pace.allowed_until, std::nullopt);

  if (!limits_.empty() && limits_[shortest_].window <= longest_paced) {
    const Limit& limit = limits_[shortest_];
    hold_until(pace.next_at - limit.window / 10, std::nullopt);
    pace.next_at = std::max(pace.next_at, now) + limit.window * 3 / 4 / usable(shortest_);
  }

  SlotNumbers numbers;
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    const Duration window = limits_[i].window;
    const int size = book_.size(window);
    // More slots than the limit has (it was lowered since): so many more must be free.
    const int surplus = size - usable(i);
    if (surplus >= 0) hold_until(book_.earliest(window, surplus).free_at, limits_[i]);
    const std::optional<Slot> first = size > 0 ? std::optional(book_.earliest(window, 0)) : std::nullopt;
    numbers.push_back(first && first->free_at <= now ? first->number : size);
  }
  if (admission.until > now) return admission;

  for (std::size_t i = 0; i < limits_.size(); ++i)
    book_.set(limits_[i].window, {numbers[i], latest + limits_[i].window});
  if (advised) --pace.allowed;
  if (!advised) pace.allowed = -1;
  book_.set_pace(pace);
  admission.slots = std::move(numbers);
  return admission;
}

// From latest + W on a slot may be another call's, and is not this one's to set: its process was stopped for so long.
void RateLimiter::answered(const SlotNumbers& slots, LedgerTime latest, LedgerTime read_at, LedgerTime now) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Duration window = limits_[i].window;
    if (now < latest + window) book_.set(window, {slots[i], read_at + window});
  }
}

void RateLimiter::give_back(const SlotNumbers& slots, LedgerTime latest, LedgerTime now) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (now < latest + limits_[i].window) book_.set(limits_[i].window, {slots[i], now});
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
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    const int taken = book_.taken(limits_[i].window, now);
    uses.push_back({limits_[i], taken, std::max(0, usable(i) - taken)});
  }
  return uses;
}

Duration RateLimiter::shortest_window() const {
  return limits_.empty() ? Duration::zero() : limits_[shortest_].window;
}

}  // namespace convoke
