// What a run came to, in words and as JSON: all that an operator reads of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/books.h"
#include "ledger/intake.h"
#include "ledger/run_log.h"
#include "ledger/troubles.h"
#include "run/forecast.h"
#include "run/runner.h"

namespace convoke {

/// One run of one job.
struct RunReport {
  std::string job;
  std::optional<RunId> run;  ///< empty: it did not start
  Exit exit = Exit::ok;
  std::string stopped_by;  ///< the word of the view `runs` (ledger.md); empty: it ran to its end
  std::string message;     ///< why it stopped, for people
  Reason reason = Reason::none;
  std::optional<WallTime> next_call;
  std::optional<Reading> reading;  ///< empty: the source was unchanged and not read
  std::string unread_why;          ///< then: why
  Books books;
  RunCounts counts;
  std::vector<Trouble> troubles;
  std::vector<RefusedCourse> refused;
  std::optional<std::int64_t> retried;  ///< of `retry`: how many members it made due again
  std::string retried_outcomes;         ///< and of which outcomes
  bool ignores_invalid = false;         ///< invalid rows do not make it end with 1
  std::string base_url;                 ///< of the API
  std::string way;                      ///< there, for people: by which proxy
  bool has_config = true;               ///< false: no config file was found, all is default or --set
  std::string ledger;                   ///< its path
  bool is_ledger_new = false;
  bool is_rehearsal = false;
  std::optional<Forecast> in_earnest;  ///< of a whole rehearsal: how long it would take under the limits
  Duration took{};
  std::string next;       ///< a command: what to do now; empty: nothing
  std::string next_when;  ///< for people: when, or after what ("with the right key")
};

/// A short table, its last line the next thing to do.
std::string run_report_text(const RunReport& report);
/// The same in at most five lines: what is wrong, and what to do. Empty if all is well.
std::string run_report_brief(const RunReport& report);
/// All runs of one command as one JSON object with a newline.
std::string run_reports_json(const std::vector<RunReport>& reports, Exit exit);

/// One line on how a run stands.
std::string progress_line(const Progress& progress, Duration elapsed);

/// The lines of `outcome` ("rejected", "invalid"), indented: how often each kind of trouble, and one example.
std::string troubles_text(const std::vector<Trouble>& troubles, std::string_view outcome);
std::string troubles_json(const std::vector<Trouble>& troubles);

/// "convoke export NAME --outcome rejected", or how else all members or rows of such an outcome are listed.
std::string listing_command(const std::string& job, const std::string& ledger, std::string_view outcome);

}  // namespace convoke
