// What a run would send, in words and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/settings.h"
#include "base/error.h"
#include "base/target.h"
#include "ledger/books.h"
#include "ledger/pages.h"
#include "ledger/survey.h"
#include "run/outlook.h"

namespace convoke {

/// Where calls would go.
struct PlannedApi {
  std::string base_url;
  std::string way;     ///< there, for people: by which proxy
  std::string no_key;  ///< why there is no key; empty: there is one
};

/// What a look at the API came to.
struct PlannedCheck {
  Exit exit = Exit::ok;
  bool is_interrupted = false;
  std::string message;  ///< why no run would send anything; empty: nothing speaks against it
  std::vector<CourseState> courses;
  bool is_of_courses = true;  ///< else there is no list to look at
  std::string trouble;        ///< what the API answered in place of a list; empty: a list
};

struct Plan {
  std::string job;
  PlannedApi api;
  ListTarget target;
  InviteSettings invite;
  std::string ledger;
  bool is_ledger_new = false;
  Survey survey;
  Books books;                      ///< as the ledger has them
  std::int64_t without_answer = 0;  ///< members asked for in calls that nobody answered for
  LimitsNow limits;
  Forecast forecast;
  std::optional<PlannedCheck> check;  ///< if it was asked for

  /// The list as it was read; if it was not, as the ledger has it, with nobody added or withdrawn.
  Reading list() const;
};

std::string plan_text(const Plan& plan);
/// All plans of one command as one JSON object with a newline.
std::string plans_json(const std::vector<Plan>& plans);

}  // namespace convoke
