// What to do after a run, or after several.
#pragma once

#include <string>
#include <vector>

#include "report/run_report.h"
#include "run/settings.h"

namespace convoke {

/// A command line, to be given again.
struct CommandLine {
  std::string verb;     ///< "convoke run" or "convoke retry"
  std::string job;      ///< " members", or " --csv …"
  std::string options;  ///< " --ledger …"; empty: there were none

  std::string text() const { return verb + job + options; }
};

/// After a run that was begun by `given`, and ended as `report` says.
NextStep next_step(const RunReport& report, const CommandLine& given, const RunSettings& settings);

/// Of several jobs, which ended how; empty if all is well, or there is one only.
std::string closing_line(const std::vector<RunReport>& reports);
/// The jobs whose turn did not come; empty: there are none.
std::string not_run_line(const std::vector<RunReport>& reports);

}  // namespace convoke
