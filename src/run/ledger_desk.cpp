#include "run/ledger_desk.h"

#include <utility>

namespace convoke {

void LedgerDesk::take(Order order) {
  waiting_.push_back(std::move(order));
  if (scheduled_) return;
  scheduled_ = true;
  // Behind what is already posted: those orders join this group.
  boost::asio::post(ledger_, [this] { work_off(); });
}

void LedgerDesk::work_off() {
  scheduled_ = false;
  auto group = std::exchange(waiting_, {});
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
  for (Order& order : group) order.done(failure_);
}

}  // namespace convoke
