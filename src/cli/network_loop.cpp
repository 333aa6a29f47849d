#include "cli/network_loop.h"

#include <atomic>
#include <chrono>
#include <future>
#include <system_error>
#include <thread>

namespace convoke {
namespace {

constexpr auto moment = std::chrono::milliseconds(200);
std::atomic<bool> is_left_behind = false;

}  // namespace

NetworkLoop::NetworkLoop() : context_(std::make_unique<boost::asio::io_context>(1)) {}

NetworkLoop::~NetworkLoop() {
  std::promise<void> gone;
  const std::future<void> is_gone = gone.get_future();
  try {
    auto end = [context = std::move(context_), gone = std::move(gone)]() mutable {
      context.reset();
      gone.set_value();
    };
    std::thread ending(std::move(end));
    if (is_gone.wait_for(moment) == std::future_status::ready) {
      ending.join();
    } else {
      is_left_behind = true;
      ending.detach();
    }
  } catch (const std::system_error&) {
    // No thread for it: it is waited for.
  }
}

bool is_anything_left_behind() {
  return is_left_behind;
}

}  // namespace convoke
