// The memory of all answers together is bounded: one that has no room is not read further than its header, and what the
// server cannot send waits there. Loop thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace convoke {

/// What coroutines wait at for a change, each until a deadline of its own.
class Bell {
 public:
  boost::asio::awaitable<void> wait(boost::asio::steady_timer& deadline) {
    const auto timer = std::make_shared<boost::asio::steady_timer>(deadline.get_executor(), deadline.expiry());
    waiting_.push_back(timer);
    boost::system::error_code ignored;
    co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
  void ring() {
    for (const auto& waiting : std::exchange(waiting_, {})) {
      if (const auto timer = waiting.lock()) timer->cancel();
    }
  }

 private:
  std::vector<std::weak_ptr<boost::asio::steady_timer>> waiting_;
};

struct AnswerMemory {
  static constexpr std::size_t most = 24U << 20U;  ///< bytes
  std::size_t held = 0;
  Bell given_back;
};

/// What one answer takes of it, until it is recorded.
struct MemoryShare {
  explicit MemoryShare(std::shared_ptr<AnswerMemory> of) : memory(std::move(of)) {}
  ~MemoryShare() {
    memory->held -= bytes;
    memory->given_back.ring();
  }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  /// False: there is no room for so many bytes.
  bool grow(std::size_t to) {
    if (memory->held - bytes + to > AnswerMemory::most) return false;
    memory->held += to - bytes;
    bytes = to;
    return true;
  }

  std::shared_ptr<AnswerMemory> memory;
  std::size_t bytes = 0;
};

}  // namespace convoke
