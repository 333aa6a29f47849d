#include "run/ledger_desk.h"

#include <chrono>
#include <new>
#include <thread>
#include <utility>

namespace convoke {

void LedgerDesk::take(Order order) {
  try {
    waiting_.push_back(std::move(order));
  } catch (...) {
    return answer(order, std::current_exception());  // not moved: it is the room for it that was not there
  }
  if (scheduled_) return;
  try {
    // Behind what is already posted: those orders join this group.
    boost::asio::post(ledger_, [this] { work_off(); });
    scheduled_ = true;
  } catch (...) {
    const Order alone = std::move(waiting_.back());
    waiting_.pop_back();
    answer(alone, std::current_exception());
  }
}

void LedgerDesk::work_off() {
  scheduled_ = false;
  const auto group = std::exchange(waiting_, {});
  if (!failure_) {
    try {
      database_.write([&](Transaction& transaction) {
        for (const Order& order : group) order.change(transaction);
        before_commit_(transaction);
      });
      after_commit_();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  for (const Order& order : group) answer(order, failure_);
}

// Nobody else can tell the run: where there is no memory for that, it is waited for, as other calls give theirs back.
void LedgerDesk::answer(const Order& order, const std::exception_ptr& error) noexcept {
  while (true) {
    try {
      return order.done(error);
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

}  // namespace convoke
