// The run: keeps calls going out as RunPolicy says, and writes down what comes back. What was sent is waited for:
// stopping means "claim no more", never "drop the call".
#pragma once

#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/transport.h"
#include "run/outside.h"
#include "run/run_ledger.h"
#include "run/run_policy.h"

namespace convoke {

class Runner {
 public:
  /// References must outlive the run.
  Runner(SendSettings settings, RunLedger& ledger, const Outside& outside);

  /// Runs to the end. Throws Error if the ledger fails; every call in flight has ended by then.
  boost::asio::awaitable<RunEnd> run(std::int64_t due, bool ever_accepted);

  /// Claims no more; calls in flight finish. The first reason stays. Loop thread only.
  void stop(RunEnd why);

  Progress progress() const;
  /// How to judge calls that earlier processes left open.
  Judgement judgement() { return policy_.judgement(ledger_.clock().now()); }

 private:
  // Wakes the run as it goes, if the run is still there.
  struct Waking {
    explicit Waking(std::weak_ptr<Sleep> run) : sleep(std::move(run)) {}
    Waking(Waking&&) = default;
    Waking& operator=(Waking&&) = default;
    ~Waking() {
      if (const auto run = sleep.lock()) run->wake();
    }
    std::weak_ptr<Sleep> sleep;
  };

  // A call that is on disk and waits for a connection. Its seat goes before the run is woken: whatever ends it, be it
  // an exception that takes its coroutine along, come_home() sees that it has ended.
  struct Ready {
    Claimed call;
    Waking wakes;
    Seat seat;
  };

  boost::asio::awaitable<void> claim_and_send();
  boost::asio::awaitable<void> send(Ready ready);
  boost::asio::awaitable<Answer> ask(Ready& ready);
  boost::asio::awaitable<void> put_back(std::vector<Ready> unsent);
  boost::asio::awaitable<void> come_home();
  boost::asio::awaitable<RunEnd> end();
  void send_ready();
  std::vector<Ready> take_ready(PutBack which, std::int64_t target_no = 0);
  Request request_of(const Claimed& call) const;
  CallReport report_of(const Claimed& call, Answer& answer, LedgerTime sent_at);
  Moment now() const { return {ledger_.clock().now(), outside_.clock.wall()}; }
  Instant instant(LedgerTime time) const;
  void pass_on_remarks();
  void fail(std::exception_ptr error);  ///< the first stays

  InviteSettings invite_;
  Duration call_timeout_;
  RunLedger& ledger_;
  const Outside& outside_;
  std::shared_ptr<Sleep> sleep_;
  std::optional<Instant> began_;
  RunPolicy policy_;
  std::deque<Ready> ready_;
  std::exception_ptr failure_;
};

}  // namespace convoke
