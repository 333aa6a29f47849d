// Lists of the API's on their way into the ledger, page by page: what is asked for next, and what was read so far. Both
// are on disk together, so that one that was interrupted goes on at the page it had come to.
//
// Whose turn it is stands in a chunk without members, of a target at the step that reads the list: so a page is
// claimed, asked for, tried again and put back like everything else that goes out (run/runner.h).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/chunks.h"
#include "ledger/course_search.h"
#include "ledger/paging.h"

namespace convoke {

/// A list of those who take part in a course, as far as it is read.
struct CourseListing {
  std::int64_t verify_no = 0;  ///< the target at the step that reads it, and
  std::int64_t target_no = 0;  ///< the same target where members are invited to it
  std::string course;
  Paging paging;
  WallTime began_at{};  ///< this pass
};

/// Whether somebody in the job's list is for what is no course.
bool has_other_targets(Database& database, JobId job);

class Pages {
 public:
  /// Both must outlive this.
  Pages(Database& database, JobId job, Chunks& chunks) : database_(database), job_(job), chunks_(chunks) {}

  /// Takes away what a process that is no more had to ask for. (What it had read stays.)
  void forget_asked(Transaction& transaction);

  /// Whoever takes part in the courses of the job is to be read. A list that was not read to its end, by `run` or one
  /// before it, is gone on with where it was, unless the job ran since. From here on nothing else of the job is
  /// claimed.
  void ask_participants(Transaction& transaction, RunId run, WallTime now);
  /// The lists of these courses are to be read once more.
  void ask_again(Transaction& transaction, const std::vector<CourseListing>& listings, WallTime now);

  /// Which courses there are is to be read, until each of these was met. From here on nothing else of the job is
  /// claimed.
  void ask_courses(Transaction& transaction, const std::set<std::string>& courses);

  /// All of the job may be claimed again.
  void end(Transaction& transaction);

  /// What is asked for next of the list that the target stands for.
  PageAsked asked(std::int64_t target_no);
  /// It is answered with this, or with nothing (empty) that says what it holds.
  void record(Transaction& transaction, const Chunk& chunk, const std::optional<Page>& page, WallTime now);

  /// Entries that were read of the lists that are asked for, and how many there are, as far as the API says.
  std::int64_t read() const;
  std::int64_t total() const;

  std::vector<CourseListing> listings();
  /// Why the list is not read on: what the API said of the page, or nothing.
  std::string trouble(const CourseListing& listing);
  /// The search that ask_courses() began.
  const CourseSearch& search() const { return *search_; }

  /// Courses of the job whose members are due, and of whom nobody was invited yet.
  std::set<std::string> new_courses();
  /// Courses of the job that the API has taken an invitation for.
  std::set<std::string> accepted_courses();
  /// What was read is not needed any more.
  void forget_read(Transaction& transaction);

 private:
  void ask(Transaction& transaction, const std::set<std::int64_t>& targets);
  void forget_what_is_old(Transaction& transaction, WallTime now);
  void keep(Transaction& transaction, std::int64_t target_no, const Paging& paging, WallTime now);

  Database& database_;
  JobId job_;
  Chunks& chunks_;
  std::map<std::int64_t, Paging> pagings_;  // of those that are asked for
  std::optional<CourseSearch> search_;      // of the target look_, and not among those
  std::int64_t look_ = 0;
};

}  // namespace convoke
