// A look at the courses before anybody is mailed: are they there, and no Drafts?
#pragma once

#include <set>
#include <string>
#include <vector>

#include "ledger/pages.h"
#include "run/sending.h"

namespace convoke {

/// What came of a look.
struct Looked {
  RunEnd end;  ///< what stopped it, or what speaks against inviting anybody
  std::vector<CourseState> courses;
  std::string trouble;  ///< what the API answered in place of a list; empty: a list
};

/// Before a run mails: reads the API's list of courses until each was met that somebody is to be invited to and nobody
/// was yet; asks nothing if there are none. A course that is missing or a Draft is what the run ends with. What could
/// not be found out is warned of.
boost::asio::awaitable<RunEnd> look_before_mailing(Database& database, Sending& sending, const Outside& outside);

/// `convoke plan --check`: a run that only looks.
class CourseCheck {
 public:
  CourseCheck(Database& database, JobId job, SendingSettings settings, std::set<std::string> courses,
              const Outside& outside);

  /// Looks, and ends the run in the ledger: as a run of the job would end for what was seen. Throws Error.
  boost::asio::awaitable<Looked> run();
  Progress progress() const { return sending_.progress(); }

 private:
  RunEnd end_of(const Looked& looked);

  Database& database_;
  SendingSettings settings_;
  std::set<std::string> courses_;
  Outside outside_;
  Sending sending_;
};

}  // namespace convoke
