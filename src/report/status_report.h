// Where jobs stand, from the ledger alone, in words and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/ledger_api.h"
#include "ledger/run_record.h"
#include "ledger/troubles.h"
#include "run/outlook.h"

namespace convoke {

struct JobStatus {
  std::string name;
  std::string origin;  ///< its file, or its list; empty: not known
  Books books;
  std::vector<Trouble> troubles;
  std::int64_t calls_due = 0;       ///< chunks that are pending
  std::int64_t without_answer = 0;  ///< members asked for in calls whose process is gone
  Forecast forecast;                ///< of these calls
  std::optional<RunRecord> last_run;
  std::optional<RunRecord> last_verify;
  bool is_running = false;  ///< a process holds the job's lock
};

struct LedgerStatus {
  std::vector<JobStatus> jobs;
  LimitsNow limits;
  std::string ledger;  ///< its path
  std::string config;  ///< the config's path; empty: there is none
  LedgerApi api;       ///< it belongs to
};

std::string status_text(const LedgerStatus& status);
std::string status_json(const LedgerStatus& status);

}  // namespace convoke
