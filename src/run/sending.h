// What sends calls for a job, whatever they ask for: its books on the ledger and its runner, and how both are stopped.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "run/outside.h"
#include "run/run_ledger.h"
#include "run/runner.h"
#include "run/settings.h"

namespace convoke {

struct SendingSettings {
  SendSettings send;
  std::string base_url;                     ///< of the API; the ledger belongs to it
  std::string url;                          ///< as the config has it, and
  std::string way;                          ///< by which proxy, for messages on what only the config mends
  std::optional<std::int64_t> assume_used;  ///< calls that a ledger of unknown past is to count in the limits
};

class Sending {
 public:
  /// Begins a run of the job in the ledger. References must outlive this.
  Sending(Database& database, JobId job, const SendingSettings& settings, const Outside& outside,
          Command command = Command::run);

  /// Settles what earlier processes left open.
  void recover() { ledger_.recover(runner_.judgement()); }
  void recover_pages() { ledger_.recover_pages(); }
  /// Sends what is due (of what Chunks::ask_only says) until nothing is, something stops it, or a stop is asked for.
  boost::asio::awaitable<RunEnd> run();
  /// Ends the run in the ledger with what made it impossible, as far as that can be.
  void fail(const Error& error) noexcept;
  void end(Transaction& transaction, Exit exit, const RunEnd& end);

  RunLedger& ledger() { return ledger_; }
  Progress progress() const { return runner_.progress(); }

 private:
  void stop();

  Database& database_;
  JobId job_;
  const SendingSettings& settings_;
  const Outside& outside_;
  RunLedger ledger_;
  Runner runner_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace convoke
