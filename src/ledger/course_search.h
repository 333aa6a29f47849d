// Looking for courses in the API's list of them, page by page.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ledger/paging.h"

namespace convoke {

/// A course, as the API's list of courses has it.
struct CourseState {
  enum class Is {
    there,
    draft,    ///< only administrators see it
    missing,  ///< the list was read, all of it, and it was not in it
    unknown   ///< the API has no such list, or none that ends
  };
  std::string course;
  Is is = Is::unknown;
  std::string spelt = {};  ///< by the API, if that is otherwise
};

class CourseSearch {
 public:
  explicit CourseSearch(const std::set<std::string>& courses);

  const Paging& paging() const { return paging_; }
  /// What was asked for is answered with `page`. Ids match in either case, and one that is the same to the letter
  /// before all others. Each that is looked for was met, or the list is at its end, once paging().is_read.
  void take(const Page& page);
  std::vector<CourseState> states() const;
  /// What was answered in place of a list; empty: a list was.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Wanted {
    CourseState::Is is = CourseState::Is::unknown;
    bool is_exact = false;
    std::string spelt = {};
  };
  void meet(const ListedCourse& course);
  bool is_whole() const;

  Paging paging_;
  std::map<std::string, Wanted> courses_;
  std::multimap<std::string, std::string> folded_;  // the courses by their ids in lower case
  std::set<std::size_t> different_;                 // hashes of the ids of this pass,
  std::set<std::size_t> ever_;                      // and of all
  std::string trouble_;
};

}  // namespace convoke
