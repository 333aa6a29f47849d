#include "ledger/pages.h"

#include <numeric>
#include <tuple>

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

// Members who were invited since a list was read may be on a page that is past. And what is known to be so is known of
// a while ago: of one that is read to its end nothing would be asked any more.
void Pages::forget_what_is_old(Transaction& transaction, WallTime now) {
  using namespace std::chrono_literals;
  constexpr auto longest_pause = 36h;  // over the night, where a day's calls are used up
  constexpr auto longest_rest = 10min;
  const bool is_old = Statement(transaction, R"sql(
    SELECT EXISTS (SELECT 1 FROM run WHERE job_id = ?1 AND command = 'run' AND run_id > (
             SELECT min(paging.run_id) FROM paging JOIN target USING (target_no) WHERE job_id = ?1))
           OR EXISTS (SELECT 1 FROM paging JOIN target USING (target_no) WHERE job_id = ?1 AND read_at < ?2)
           OR NOT EXISTS (SELECT 1 FROM paging JOIN target USING (target_no)
                          WHERE job_id = ?1 AND (is_read = 0 OR read_at >= ?3))
  )sql")
                          .the<bool>(job_, WallTime(now - longest_pause), WallTime(now - longest_rest));
  if (is_old) forget_read(transaction);
}

void Pages::ask_participants(Transaction& transaction, RunId run, WallTime now) {
  forget_what_is_old(transaction, now);
  // (Of a course that all have left, as when a job has another one now, nothing is to be known.)
  Statement courses(transaction, R"sql(
    SELECT target_no FROM (SELECT DISTINCT target_no FROM chunk WHERE job_id = ? AND gone = 0) JOIN target USING (target_no)
    WHERE kind = 'course' AND step NOT IN ('verify', 'look')
  )sql");
  std::vector<std::int64_t> invited_to;
  for (const auto& target_no : courses.rows<std::int64_t>(job_)) invited_to.push_back(target_no);
  Statement begin(transaction, R"sql(
    INSERT INTO paging (target_no, run_id, began_at, read_at) VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING
  )sql");
  for (const auto target_no : invited_to) begin.run(chunks_.target_at(transaction, target_no, Step::verify), run, now);
  std::set<std::int64_t> targets;
  for (const CourseListing& listing : listings()) {
    pagings_[listing.verify_no] = listing.paging;
    if (!listing.paging.is_read) targets.insert(listing.verify_no);
  }
  ask(transaction, targets);
}

void Pages::ask_again(Transaction& transaction, const std::vector<CourseListing>& listings, WallTime now) {
  std::set<std::int64_t> targets;
  Statement begin(transaction, "UPDATE paging SET began_at = ? WHERE target_no = ?");
  for (const CourseListing& listing : listings) {
    Paging& its = pagings_.at(listing.verify_no);
    its.begin_again();
    keep(transaction, listing.verify_no, its, now);
    begin.run(now, listing.verify_no);
    targets.insert(listing.verify_no);
  }
  ask(transaction, targets);
}

void Pages::ask_courses(Transaction& transaction, const std::set<std::string>& courses) {
  Statement(transaction, R"sql(
    INSERT INTO target (job_id, kind, id, step) VALUES (?, 'course', '', 'look') ON CONFLICT DO NOTHING
  )sql")
      .run(job_);
  look_ =
      Statement(transaction, "SELECT target_no FROM target WHERE job_id = ? AND step = 'look'").the<std::int64_t>(job_);
  search_.emplace(courses);
  ask(transaction, {look_});
}

void Pages::end(Transaction& transaction) {
  forget_asked(transaction);
  chunks_.ask_only({});
}

PageAsked Pages::asked(std::int64_t target_no) {
  return target_no == look_ ? search_->paging().asked : pagings_.at(target_no).asked;
}

void Pages::record(Transaction& transaction, const Chunk& chunk, const std::optional<Page>& page, WallTime now) {
  if (!page) return;
  if (chunk.target_no == look_) {
    search_->take(*page);
    if (search_->paging().is_read) chunks_.remove(transaction, chunk.id);
    return;
  }
  Paging& its = pagings_.at(chunk.target_no);
  const int pass = its.pass;
  if (its.take(*page)) {
    Statement add(transaction, "INSERT INTO participant (target_no, pass, member, said) VALUES (?, ?, ?, ?)");
    for (const ListedParticipant& participant : page->participants)
      add.run(chunk.target_no, pass, participant.member, participant.said);
  }
  keep(transaction, chunk.target_no, its, now);
  if (its.is_read) chunks_.remove(transaction, chunk.id);
}

void Pages::keep(Transaction& transaction, std::int64_t target_no, const Paging& paging, WallTime now) {
  Statement(transaction, R"sql(
    UPDATE paging SET number = ?, size = ?, is_size_taken = ?, pass = ?, total_before = ?, total = ?, read_before = ?, read = ?,
           unreadable = ?, foreign_entries = ?, first_entries = ?, latest_mark = ?, earlier_mark = ?, is_read = ?,
           is_at_end = ?, is_endless = ?, has_moved = ?, read_at = ?
    WHERE target_no = ?
  )sql")
      .run(paging.asked.number, paging.asked.size, paging.asked.is_size_taken, paging.pass, paging.total_before,
           paging.total, paging.read_before, paging.read, paging.unreadable, paging.foreign, paging.first_entries,
           paging.latest_mark, paging.earlier_mark, paging.is_read, paging.is_at_end, paging.is_endless,
           paging.has_moved, now, target_no);
}

std::vector<CourseListing> Pages::listings() {
  std::vector<CourseListing> listings;
  Statement rows(database_, R"sql(
    SELECT verify.target_no, ifnull(invite.target_no, 0), verify.id, began_at, number, size, is_size_taken,
           pass, total_before, total, read_before, read, unreadable, foreign_entries, first_entries, latest_mark, earlier_mark,
           is_read, is_at_end, is_endless, has_moved
    FROM target verify JOIN paging USING (target_no)
    LEFT JOIN target invite ON (invite.job_id, invite.kind, invite.id, invite.step) =
                               (verify.job_id, verify.kind, verify.id, 'invite')
    WHERE verify.job_id = ? AND verify.step = 'verify' ORDER BY verify.target_no
  )sql");
  using Number = std::int64_t;
  using Total = std::optional<Number>;
  for (auto& row : rows.rows<Number, Number, std::string, WallTime, int, int, bool, int, Total, Total, Number, Number,
                             Number, Number, Number, std::uint64_t, std::uint64_t, bool, bool, bool, bool>(job_)) {
    CourseListing& listing = listings.emplace_back();
    Paging& paging = listing.paging;
    std::tie(listing.verify_no, listing.target_no, listing.course, listing.began_at, paging.asked.number,
             paging.asked.size, paging.asked.is_size_taken, paging.pass, paging.total_before, paging.total,
             paging.read_before, paging.read, paging.unreadable, paging.foreign, paging.first_entries,
             paging.latest_mark, paging.earlier_mark, paging.is_read, paging.is_at_end, paging.is_endless,
             paging.has_moved) = std::move(row);
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

namespace {

std::set<std::string> courses_of(Statement& rows, JobId job) {
  std::set<std::string> courses;
  for (auto& course : rows.rows<std::string>(job)) courses.insert(std::move(course));
  return courses;
}

}  // namespace

std::set<std::string> Pages::new_courses() {
  Statement rows(database_, R"sql(
    SELECT DISTINCT due.id
    FROM (SELECT DISTINCT target_no FROM chunk INDEXED BY chunk_due WHERE job_id = ?1 AND outcome = 'pending')
    JOIN target due USING (target_no)
    WHERE kind = 'course' AND NOT EXISTS (
      SELECT 1 FROM target asked
      WHERE (asked.job_id, asked.kind, asked.id, asked.step) = (?1, 'course', due.id, 'invite') AND accepted = 1)
  )sql");
  return courses_of(rows, job_);
}

std::set<std::string> Pages::accepted_courses() {
  Statement rows(database_, R"sql(
    SELECT id FROM target WHERE job_id = ? AND kind = 'course' AND step = 'invite' AND accepted = 1
  )sql");
  return courses_of(rows, job_);
}

bool has_other_targets(Database& database, JobId job) {
  return Statement(database, R"sql(
    SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT target_no FROM chunk WHERE job_id = ? AND gone = 0)
                   JOIN target USING (target_no) WHERE kind <> 'course')
  )sql")
      .the<bool>(job);
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
