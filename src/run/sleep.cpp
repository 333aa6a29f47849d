#include "run/sleep.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace convoke {

boost::asio::awaitable<void> Sleep::until(Instant when) {
  if (!woken_) {
    alarms_.set(timer_, when);
    boost::system::error_code ignored;  // cancelled is how a wake arrives
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    alarms_.clear(timer_);
  }
  woken_ = false;
}

void Sleep::wake() {
  woken_ = true;
  timer_.cancel();
}

}  // namespace convoke
