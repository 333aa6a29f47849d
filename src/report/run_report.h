// What a run came to, in words and as JSON: all that an operator reads of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/books.h"
#include "ledger/differences.h"
#include "ledger/run_log.h"
#include "ledger/troubles.h"
#include "run/forecast.h"
#include "run/runner.h"

namespace convoke {

/// The next thing to do.
struct NextStep {
  std::string command;  ///< empty: nothing
  std::string when;     ///< for people: when, or after what ("with the right key")
};
/// The same as a line; empty: nothing.
std::string next_line(const NextStep& next);

/// How the list of a run was read.
struct ListReport {
  std::optional<Reading> reading;       ///< empty: the source was unchanged and not read
  std::string unread_why;               ///< then: why
  bool ignores_invalid = false;         ///< invalid rows do not make the run end with 1
  std::optional<std::int64_t> retried;  ///< of `retry`: how many members it made due again
  std::string retried_outcomes;         ///< and of which outcomes
};

/// Where the calls of a run went, and where its books are.
struct RunPlace {
  std::string base_url;    ///< of the API
  std::string way;         ///< there, for people: by which proxy
  bool has_config = true;  ///< false: no config file was found, all is default or --set
  std::string ledger;      ///< its path
  bool is_ledger_new = false;
  bool is_rehearsal = false;
};

/// One run of one job.
struct RunReport {
  std::string job;
  std::optional<RunId> run;  ///< empty: it did not start
  Exit exit = Exit::ok;
  RunEnd end;
  ListReport list;
  Books books;
  RunCounts counts;
  std::vector<Trouble> troubles;
  RunPlace place;
  std::optional<Forecast> in_earnest;  ///< of a whole rehearsal: how long it would take under the limits
  Duration took{};
  NextStep next;

  /// It ran to its end.
  bool is_whole() const { return end.by == StoppedBy::nothing; }
  /// Whether there is more to tell than why it could not run, or was not run.
  bool has_begun() const { return end.by != StoppedBy::error && end.by != StoppedBy::not_run; }
};

/// Of a job that could not run.
RunReport failed_report(const std::string& job, const Error& error);
/// Of a job whose turn did not come.
RunReport not_run_report(const std::string& job);

/// A short table, its last line the next thing to do.
std::string run_report_text(const RunReport& report);
/// The same in at most five lines: what is wrong, and what to do. Empty if all is well.
std::string run_report_brief(const RunReport& report);
/// All runs of one command as one JSON object with a newline.
std::string run_reports_json(const std::vector<RunReport>& reports, Exit exit);

/// One line on how a run stands.
std::string progress_line(const Progress& progress, Duration elapsed);

}  // namespace convoke
