// The ledger's awaitable face: takes changes from the loop, does them on the ledger's executor, many in one
// transaction, and answers each when that transaction is on disk.
//
// In the program the executor is a thread of its own; in simulations it is the loop's, and the code is the same.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "ledger/database.h"

namespace convoke {

class LedgerDesk {
 public:
  /// `database` must outlive this, and nothing else may use it while changes are under way. `before_commit` is done at
  /// the end of every group, `after_commit` once it is on disk and before any of it is answered.
  LedgerDesk(Database& database, boost::asio::any_io_executor ledger, std::function<void(Transaction&)> before_commit,
             std::function<void()> after_commit)
      : database_(database),
        ledger_(std::move(ledger)),
        before_commit_(std::move(before_commit)),
        after_commit_(std::move(after_commit)) {}

  /// Does `change` and returns when it is committed. Changes are done in the order in which they were asked for; what
  /// comes in while one group is being committed makes up the next. If a group fails, each of its changes throws the
  /// same Error, and so does every later one: the ledger is not to be relied on after that.
  boost::asio::awaitable<void> commit(std::function<void(Transaction&)> change) {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(std::exception_ptr)>(
        [this](auto handler, std::function<void(Transaction&)> body) {
          const auto loop = boost::asio::get_associated_executor(handler);
          // std::function wants what can be copied, which a coroutine's handler cannot.
          const auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
          try {
            Order order{std::move(body),
                        [loop, waiting](std::exception_ptr error) {
                          // Given away whole: the coroutine is resumed, and let go of, on the loop only.
                          boost::asio::post(loop, [waiting, error] { std::move (*waiting)(error); });
                        },
                        // The loop must not run dry while the ledger works for it.
                        boost::asio::prefer(loop, boost::asio::execution::outstanding_work.tracked)};
            boost::asio::post(ledger_, [this, order = std::move(order)]() mutable { take(std::move(order)); });
          } catch (...) {
            // For want of memory. What is thrown here would go past the coroutine, out of the loop.
            std::move (*waiting)(std::current_exception());
          }
        },
        boost::asio::use_awaitable, std::move(change));
  }

 private:
  static constexpr std::size_t reserve_size = 120U << 10U;  // of the heap: more than that malloc maps for itself

  struct Order {
    std::function<void(Transaction&)> change;
    std::function<void(std::exception_ptr)> done;
    boost::asio::any_io_executor keeps_loop_running;
  };

  void take(Order order);
  void work_off();
  void answer(const Order& order, const std::exception_ptr& error) noexcept;

  Database& database_;
  boost::asio::any_io_executor ledger_;
  std::function<void(Transaction&)> before_commit_;
  std::function<void()> after_commit_;
  std::vector<Order> waiting_;
  bool scheduled_ = false;
  std::exception_ptr failure_;
  // Of memory, for the answers that are owed where there is none.
  std::unique_ptr<std::byte[]> reserve_{new std::byte[reserve_size]};
};

}  // namespace convoke
