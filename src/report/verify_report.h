// What a verification came to, in words and as JSON, and a line for each member.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "report/run_report.h"
#include "run/verify_run.h"

namespace convoke {

/// One verification of one job.
struct VerifyReport {
  std::string job;
  std::optional<RunId> run;  ///< empty: it did not start
  Exit exit = Exit::ok;
  RunEnd end;
  std::vector<CourseSeen> courses;
  std::vector<CourseListing> unread;  ///< not to their end
  Books books;
  RunCounts counts;
  std::string base_url;
  std::string ledger;
  Duration took{};
  NextStep next;
  bool ignores_invalid = false;
  std::vector<std::string> extra;  ///< ids of those who are not in the list, as far as they are to be named

  bool has_begun() const { return run.has_value(); }
};

/// A short table, its last line the next thing to do; `brief`: in at most five lines, empty if all is well.
std::string verify_report_text(const VerifyReport& report, bool brief);
/// All verifications of one command as one JSON object with a newline.
std::string verify_reports_json(const std::vector<VerifyReport>& reports, Exit exit);

/// A line with tabs: `=`, `!`, `-` or `+`, the member, the course, and of `!` what changed.
std::string diff_line(const Seen& seen);
/// Whether a file that begins so is made of such lines, or empty.
bool is_diff(std::string_view beginning);

/// One line on how far it is.
std::string verify_progress_line(const Progress& progress);

}  // namespace convoke
