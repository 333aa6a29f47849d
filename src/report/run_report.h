// What a run came to, in words and as JSON: all that an operator reads of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/intake.h"
#include "ledger/run_log.h"
#include "run/runner.h"

namespace convoke {

/// One run of one job.
struct RunReport {
  std::string job;
  std::optional<RunId> run;  ///< empty: it did not start
  Exit exit = Exit::ok;
  std::string stopped_by;  ///< the word of design.md's `runs` view; empty: it ran to its end
  std::string message;     ///< why it stopped, for people
  std::optional<WallTime> next_call;
  std::optional<Reading> reading;  ///< empty: the source was unchanged and not read
  std::string unread_why;          ///< then: why
  Books books;
  RunCounts counts;
  Duration took{};
};

std::string run_report_text(const RunReport& report);
/// All runs of one command as one JSON object with a newline.
std::string run_reports_json(const std::vector<RunReport>& reports, Exit exit);

/// One line on how a run stands.
std::string progress_line(const Progress& progress, Duration elapsed);

}  // namespace convoke
