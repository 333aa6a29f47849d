#include "ledger/course_search.h"

#include <algorithm>
#include <functional>

#include "base/text.h"

namespace convoke {

CourseSearch::CourseSearch(const std::set<std::string>& courses) {
  constexpr std::int64_t most_pages = 500;
  paging_.most_pages = most_pages;
  for (const std::string& course : courses) {
    courses_[course] = {};
    folded_.emplace(lower_case(course), course);
  }
}

void CourseSearch::take(const Page& page) {
  paging_.take(page);
  if (!page.words.empty()) trouble_ = page.words;
  for (const ListedCourse& course : page.courses) meet(course);
  const auto all = [&](auto&& is) {
    return std::all_of(courses_.begin(), courses_.end(), [&](const auto& one) { return is(one.second); });
  };
  if (all([](const Wanted& one) { return one.is_exact; })) paging_.is_read = true;
  const bool are_met = all([](const Wanted& one) { return one.is != CourseState::Is::unknown; });
  const auto size = [](const auto& ids) { return static_cast<std::int64_t>(ids.size()); };
  if (!paging_.is_read || are_met || is_whole()) return;
  if (!paging_.may_be_read_again(size(different_), size(ever_))) return;
  paging_.begin_again();
  different_.clear();
}

void CourseSearch::meet(const ListedCourse& course) {
  const std::size_t hash = std::hash<std::string>{}(course.id);
  different_.insert(hash);
  ever_.insert(hash);
  const auto is = lower_case(course.status) == "draft" ? CourseState::Is::draft : CourseState::Is::there;
  const auto [first, last] = folded_.equal_range(lower_case(course.id));
  for (auto one = first; one != last; ++one) {
    Wanted& wanted = courses_.at(one->second);
    const bool is_exact = one->second == course.id;
    if (wanted.is_exact && !is_exact) continue;
    wanted = {is, is_exact, is_exact ? std::string() : course.id};
  }
}

bool CourseSearch::is_whole() const {
  const auto different = static_cast<std::int64_t>(different_.size());
  const bool rested = paging_.total ? paging_.is_sure(different) : paging_.is_at_end && paging_.read == different;
  return rested && paging_.unreadable == 0;
}

std::vector<CourseState> CourseSearch::states() const {
  std::vector<CourseState> states;
  for (const auto& [course, wanted] : courses_) {
    const bool is_missing = wanted.is == CourseState::Is::unknown && is_whole();
    states.push_back({course, is_missing ? CourseState::Is::missing : wanted.is, wanted.spelt});
  }
  return states;
}

}  // namespace convoke
