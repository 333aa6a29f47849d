// What a run needs from outside, so that a simulation can give it another: the way to the API, time, chance, a wish to
// stop, and where its coroutines run.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "api/transport.h"
#include "base/clock.h"
#include "run/run_end.h"
#include "run/sleep.h"

namespace convoke {

struct Outside {
  Transport& transport;
  const Clock& clock;
  Alarms& alarms;
  boost::asio::any_io_executor loop;
  boost::asio::any_io_executor ledger;           ///< where the ledger is worked on: a thread of its own, or the loop
  std::uint64_t seed = 0;                        ///< of back-off and jitter
  std::function<void(const std::string&)> warn;  ///< gets what an operator should know while the run goes on
  std::stop_token stop = {};                     ///< asked, on whatever thread: the run ends soon,
  std::function<RunEnd()> why_stopped = {};      ///< for this reason
};

}  // namespace convoke
