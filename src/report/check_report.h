// What `check` found, in words and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/run_record.h"
#include "run/outlook.h"

namespace convoke {

/// One thing that was looked at.
struct Finding {
  std::string what;
  Exit exit = Exit::ok;
  std::string words;
  std::string hint;
};

/// The first thing that is wrong decides, as it would end a run.
Exit first_wrong(const std::vector<Finding>& findings);

std::string check_text(const std::vector<Finding>& findings);
/// Of what is wrong only; empty: nothing.
std::string check_brief(const std::vector<Finding>& findings);
std::string check_json(const std::vector<Finding>& findings);

/// How long ago a run ended with 0.
std::string success_words(WallTime success, Duration age);
/// That none did; `latest`: the last of those that did not.
std::string no_success_words(const std::optional<RunRecord>& latest);

/// What the file beside a ledger makes of its limits, to be said after its name; empty: nothing.
std::string remark_on_calls(const LimitsNow& limits);

}  // namespace convoke
