#include "ledger/pages.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/text.h"

namespace convoke {

void Pages::forget_asked(Transaction& transaction) {
  Statement(transaction, R"sql(
    DELETE FROM chunk WHERE job_id = ?1 AND size = 0
           AND target_no IN (SELECT target_no FROM target WHERE job_id = ?1 AND step IN ('verify', 'look'))
  )sql")
      .run(job_);
}

void Pages::ask(Transaction& transaction, const std::set<std::int64_t>& targets) {
  Statement add(transaction, R"sql(
    INSERT INTO chunk (job_id, target_no, size, ids, lines, outcome) VALUES (?, ?, 0, x'', '[]', 'pending')
  )sql");
  for (const std::int64_t target_no : targets) add.run(job_, target_no);
  chunks_.ask_only(targets);
}

void Pages::ask_participants(Transaction& transaction, RunId run) {
  // Members who were invited since may be on a page that is past.
  const bool is_old = Statement(transaction, R"sql(
    SELECT EXISTS (SELECT 1 FROM run WHERE job_id = ?1 AND command = 'run' AND run_id > (
      SELECT min(paging.run_id) FROM paging JOIN target USING (target_no) WHERE job_id = ?1))
  )sql")
                          .the<bool>(job_);
  if (is_old) forget_read(transaction);
  // (Of a course that all have left, as when a job has another one now, nothing is to be known.)
  Statement courses(transaction, R"sql(
    SELECT target_no FROM (SELECT DISTINCT target_no FROM chunk WHERE job_id = ? AND gone = 0) JOIN target USING (target_no)
    WHERE kind = 'course' AND step NOT IN ('verify', 'look')
  )sql");
  std::vector<std::int64_t> invited_to;
  for (const auto& target_no : courses.rows<std::int64_t>(job_)) invited_to.push_back(target_no);
  Statement begin(transaction, "INSERT INTO paging (target_no, run_id) VALUES (?, ?) ON CONFLICT DO NOTHING");
  for (const auto target_no : invited_to) begin.run(chunks_.target_at(transaction, target_no, Step::verify), run);
  std::set<std::int64_t> targets;
  for (const CourseListing& listing : listings()) {
    pagings_[listing.verify_no] = listing.paging;
    if (!listing.paging.is_read) targets.insert(listing.verify_no);
  }
  ask(transaction, targets);
}

void Pages::ask_again(Transaction& transaction, const std::vector<CourseListing>& listings) {
  std::set<std::int64_t> targets;
  for (const CourseListing& listing : listings) {
    Paging& its = paging(listing.verify_no);
    its.begin_again();
    keep(transaction, listing.verify_no, its);
    targets.insert(listing.verify_no);
  }
  ask(transaction, targets);
}

void Pages::ask_courses(Transaction& transaction, std::set<std::string> courses) {
  Statement(transaction, R"sql(
    INSERT INTO target (job_id, kind, id, step) VALUES (?, 'course', '', 'look') ON CONFLICT DO NOTHING
  )sql")
      .run(job_);
  look_ =
      Statement(transaction, "SELECT target_no FROM target WHERE job_id = ? AND step = 'look'").the<std::int64_t>(job_);
  pagings_[look_] = {};
  for (const std::string& course : courses) courses_[lower_case(course)] = {course};
  ask(transaction, {look_});
}

void Pages::end(Transaction& transaction) {
  forget_asked(transaction);
  chunks_.ask_only({});
}

Paging& Pages::paging(std::int64_t target_no) {
  return pagings_.at(target_no);
}

PageAsked Pages::asked(std::int64_t target_no) {
  return paging(target_no).asked;
}

void Pages::record(Transaction& transaction, const Chunk& chunk, const std::optional<Page>& page) {
  if (!page) return;
  Paging& its = paging(chunk.target_no);
  const int pass = its.pass;
  const bool are_news = its.take(*page);
  if (chunk.target_no == look_) {
    take_courses(*page);
  } else {
    Statement add(transaction, "INSERT INTO participant (target_no, pass, member, said) VALUES (?, ?, ?, ?)");
    for (const ListedParticipant& participant : page->participants) {
      if (are_news) add.run(chunk.target_no, pass, participant.member, participant.said);
    }
    keep(transaction, chunk.target_no, its);
  }
  if (its.is_read) chunks_.remove(transaction, chunk.id);
}

void Pages::take_courses(const Page& page) {
  Paging& its = paging(look_);
  for (const ListedCourse& course : page.courses) {
    const auto found = courses_.find(lower_case(course.id));
    if (found == courses_.end()) continue;
    found->second.is = lower_case(course.status) == "draft" ? CourseState::Is::draft : CourseState::Is::there;
  }
  const auto is_met = [](const auto& course) { return course.second.is != CourseState::Is::unknown; };
  if (std::all_of(courses_.begin(), courses_.end(), is_met)) its.is_read = true;
  // A list of no total ends where a page is empty.
  const bool is_whole = its.is_read && its.is_offered && (!its.total || its.read >= *its.total);
  for (auto& [id, course] : courses_) {
    if (is_whole && course.is == CourseState::Is::unknown) course.is = CourseState::Is::missing;
  }
}

void Pages::keep(Transaction& transaction, std::int64_t target_no, const Paging& paging) {
  Statement(transaction, R"sql(
    UPDATE paging SET number = ?, size = ?, is_size_taken = ?, pass = ?, total_before = ?, total = ?, read = ?,
           unreadable = ?, foreign_entries = ?, latest_mark = ?, is_read = ?
    WHERE target_no = ?
  )sql")
      .run(paging.asked.number, paging.asked.size, paging.asked.is_size_taken, paging.pass, paging.total_before,
           paging.total, paging.read, paging.unreadable, paging.foreign, static_cast<std::int64_t>(paging.latest_mark),
           paging.is_read, target_no);
}

std::vector<CourseListing> Pages::listings() {
  std::vector<CourseListing> listings;
  Statement rows(database_, R"sql(
    SELECT verify.target_no, ifnull(invite.target_no, 0), verify.id, number, size, is_size_taken, pass, total_before,
           total, read, unreadable, foreign_entries, latest_mark, is_read
    FROM target verify JOIN paging USING (target_no)
    LEFT JOIN target invite ON (invite.job_id, invite.kind, invite.id, invite.step) =
                               (verify.job_id, verify.kind, verify.id, 'invite')
    WHERE verify.job_id = ? AND verify.step = 'verify' ORDER BY verify.target_no
  )sql");
  using Number = std::int64_t;
  for (auto& row : rows.rows<Number, Number, std::string, int, int, bool, int, std::optional<Number>,
                             std::optional<Number>, Number, Number, Number, Number, bool>(job_)) {
    CourseListing& listing = listings.emplace_back();
    Paging& paging = listing.paging;
    listing.verify_no = std::get<0>(row);
    listing.target_no = std::get<1>(row);
    listing.course = std::get<2>(row);
    paging.asked = {std::get<3>(row), std::get<4>(row), std::get<5>(row)};
    paging.pass = std::get<6>(row);
    paging.total_before = std::get<7>(row);
    paging.total = std::get<8>(row);
    paging.read = std::get<9>(row);
    paging.unreadable = std::get<10>(row);
    paging.foreign = std::get<11>(row);
    paging.latest_mark = static_cast<std::uint64_t>(std::get<12>(row));
    paging.is_read = std::get<13>(row);
  }
  return listings;
}

std::int64_t Pages::read() const {
  return std::accumulate(pagings_.begin(), pagings_.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& one) { return sum + one.second.read; });
}

std::int64_t Pages::total() const {
  return std::accumulate(pagings_.begin(), pagings_.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& one) { return sum + one.second.total.value_or(0); });
}

std::string Pages::trouble(const CourseListing& listing) {
  return Statement(database_, "SELECT error FROM chunk WHERE job_id = ? AND target_no = ?")
      .row<std::string>(job_, listing.verify_no)
      .value_or(std::string());
}

std::vector<CourseState> Pages::course_states() const {
  std::vector<CourseState> states;
  std::transform(courses_.begin(), courses_.end(), std::back_inserter(states),
                 [](const auto& one) { return one.second; });
  return states;
}

std::vector<std::string> Pages::new_courses() {
  Statement rows(database_, R"sql(
    SELECT DISTINCT due.id
    FROM (SELECT DISTINCT target_no FROM chunk INDEXED BY chunk_due WHERE job_id = ?1 AND outcome = 'pending')
    JOIN target due USING (target_no)
    WHERE kind = 'course' AND NOT EXISTS (
      SELECT 1 FROM target asked
      WHERE (asked.job_id, asked.kind, asked.id, asked.step) = (?1, 'course', due.id, 'invite') AND accepted = 1)
  )sql");
  std::vector<std::string> courses;
  for (auto& course : rows.rows<std::string>(job_)) courses.push_back(std::move(course));
  return courses;
}

bool Pages::has_others() {
  return Statement(database_, "SELECT EXISTS (SELECT 1 FROM target WHERE job_id = ? AND kind <> 'course')")
      .the<bool>(job_);
}

void Pages::forget_read(Transaction& transaction) {
  const std::string ours = "SELECT target_no FROM target WHERE job_id = ? AND step = 'verify'";
  const bool are_others =
      Statement(transaction, "SELECT EXISTS (SELECT 1 FROM participant WHERE target_no NOT IN (" + ours + "))")
          .the<bool>(job_);
  // All at once costs nothing.
  if (are_others) {
    Statement(transaction, "DELETE FROM participant WHERE target_no IN (" + ours + ")").run(job_);
  } else {
    Statement(transaction, "DELETE FROM participant").run();
  }
  Statement(transaction, "DELETE FROM paging WHERE target_no IN (" + ours + ")").run(job_);
}

}  // namespace convoke
