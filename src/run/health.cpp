#include "run/health.h"

#include <fmt/format.h>

#include <algorithm>

namespace convoke {

using namespace std::chrono_literals;

void Health::claimed(const Chunk& chunk) {
  if (chunk.failed_before()) failed_before_.insert(chunk.id);
}

void Health::answered(LedgerTime now) {
  ever_answered_ = true;
  answered_at_ = now;
  failures_ = 0;
  refusals_ = 0;
  failing_.clear();
  down_ = false;
}

bool Health::is_down_with(ChunkId chunk, LedgerTime sent_at, LedgerTime now) const {
  if (down_) return true;
  const LedgerTime since = failures_ == 0 ? std::max(sent_at, answered_at_) : failing_since_;
  const bool is_long = !ever_answered_ && !failed_before(chunk) && now - since >= std::min(soon, retry_.patience);
  const std::size_t chunks = failing_.size() + (failing_.contains(chunk) ? 0 : 1);
  return is_long || chunks >= streak || failures_ + 1 >= (ever_answered_ ? 3 * streak : streak);
}

void Health::failed(ChunkId chunk, LedgerTime sent_at, LedgerTime now, std::string words) {
  const bool was_down = down_;
  down_ = is_down_with(chunk, sent_at, now);
  if (failures_++ == 0) failing_since_ = std::max(sent_at, answered_at_);
  if (failing_.size() < streak) failing_.insert(chunk);
  last_failure_ = std::move(words);
  if (!down_) return;
  interval_ = was_down ? std::min(interval_ * 2, retry_.longest) : retry_.first;
  probe_at_ = now + interval_;
}

void Health::told_down(LedgerTime until) {
  if (!down_) interval_ = retry_.first;
  down_ = true;
  probe_at_ = until;
}

void Health::refused(LedgerTime now, std::string words) {
  if (refusals_++ == 0) refusing_since_ = now;
  last_failure_ = std::move(words);
}

bool Health::gave_up(LedgerTime now) const {
  return (down_ && now >= gives_up_at()) || (refusals_ > 1 && now - refusing_since_ >= retry_.patience);
}

std::string Health::words() const {
  if (failures_ == 0) return fmt::format("the API answers nothing but 429, the latest: {}", last_failure_);
  return failures_ == 1 ? fmt::format("the last call failed: {}", last_failure_)
                        : fmt::format("the last {} calls failed, the latest: {}", failures_, last_failure_);
}

void Concurrency::answered(Duration latency) {
  took(latency);
  allowed_ = std::min<double>(most_, allowed_ + 1 / allowed_);
}

void Concurrency::strained(LedgerTime sent_at, LedgerTime now, Duration latency) {
  took(latency);
  if (sent_at < halved_at_) return;
  allowed_ = std::max(1.0, allowed_ / 2);
  halved_at_ = now;
}

int Concurrency::rounds_ahead(int most) const {
  return static_cast<int>(std::clamp<std::int64_t>(Duration(100ms) / std::max<Duration>(usual_latency_, 1ms), 1, most));
}

}  // namespace convoke
