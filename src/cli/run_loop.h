// Where a run goes on: the loop of its calls on this thread, the ledger on a thread of its own, and a line that says
// how it stands.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>
#include <string>
#include <utility>

#include "api/transport.h"
#include "cli/interruption.h"
#include "cli/network_loop.h"
#include "cli/progress.h"
#include "net/http_transport.h"
#include "run/outside.h"

namespace convoke {

class RunLoop {
 public:
  /// `interruption` must outlive this. What a run warns of goes to the log.
  RunLoop(ApiSettings api, const Interruption& interruption);

  const Outside& outside() const { return outside_; }

  /// What `run.run()` comes to. `line` says how it stands, and is asked now and then if it is to be shown.
  template <class Run>
  auto end_of(Run& run, ShowProgress how, std::function<std::string()> line) {
    using What = typename decltype(run.run())::value_type;
    std::exception_ptr error;
    What what;
    const Working working(*this, how, std::move(line));
    boost::asio::co_spawn(network_.context(), run.run(), [&](std::exception_ptr failure, What came) {
      error = failure;
      what = std::move(came);
      working.stop();
    });
    network_.context().run();
    if (error) std::rethrow_exception(error);
    return what;
  }

 private:
  class Ticker;
  class LedgerThread;

  // While a run is under way.
  class Working {
   public:
    Working(RunLoop& loop, ShowProgress how, std::function<std::string()> line);
    ~Working();
    void stop() const;

   private:
    RunLoop& loop_;
    std::unique_ptr<Ticker> ticker_;
    std::unique_ptr<LedgerThread> ledger_;
  };

  SystemClock system_;
  NetworkLoop network_;
  HttpTransport transport_;
  SystemAlarms alarms_;
  boost::asio::io_context ledger_loop_{1};
  Outside outside_;
};

}  // namespace convoke
