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
};

/// Reads the API's list of courses until each of these was met. What could not be found out is warned of.
boost::asio::awaitable<Looked> look_at_courses(Database& database, Sending& sending, const Outside& outside,
                                               std::set<std::string> courses);

/// The same of the courses that somebody is to be invited to and nobody was yet; asks nothing if there are none.
boost::asio::awaitable<RunEnd> look_at_new_courses(Database& database, Sending& sending, const Outside& outside);

/// `convoke plan --check`: a run that only looks.
class CourseCheck {
 public:
  CourseCheck(Database& database, JobId job, SendingSettings settings, std::set<std::string> courses,
              const Outside& outside);

  /// Looks, and ends the run in the ledger. Throws Error.
  boost::asio::awaitable<Looked> run();
  Progress progress() const { return sending_.progress(); }

 private:
  Database& database_;
  SendingSettings settings_;
  std::set<std::string> courses_;
  Outside outside_;
  Sending sending_;
};

}  // namespace convoke
