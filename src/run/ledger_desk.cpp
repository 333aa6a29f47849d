#include "run/ledger_desk.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>
#include <utility>

#include "base/error.h"

namespace convoke {
namespace {

constexpr auto try_again = std::chrono::milliseconds(1);
constexpr auto longest_want = std::chrono::seconds(5);

}  // namespace

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

// Nobody else can tell the run: where there is no memory for that, the reserve is given up for it, and then it is
// waited for, as other calls give theirs back. A run that waits for an answer for ever would be worse than one that
// ends as if killed: what is committed is on disk, and what is out are intents.
void LedgerDesk::answer(const Order& order, const std::exception_ptr& error) noexcept {
  for (auto waited = std::chrono::milliseconds(0); waited < longest_want; waited += try_again) {
    try {
      return order.done(error);
    } catch (const std::bad_alloc&) {
      if (!reserve_) std::this_thread::sleep_for(try_again);
      reserve_.reset();
    }
  }
  std::fputs("error: out of memory\n", stderr);
  std::_Exit(static_cast<int>(Exit::disk));
}

}  // namespace convoke
