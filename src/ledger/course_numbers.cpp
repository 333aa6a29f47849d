#include "ledger/course_numbers.h"

namespace convoke {
namespace {

constexpr std::size_t remembered_size = 4UL * 1024 * 1024;
constexpr std::size_t node_size = 80;  // of the map, beside the text

SQLite::Database temporary_courses() {
  SQLite::Database courses("", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  courses.exec(R"sql(
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    BEGIN;
    CREATE TABLE course (number INTEGER PRIMARY KEY, course_id TEXT NOT NULL UNIQUE);
  )sql");
  return courses;
}

}  // namespace

CourseNumbers::CourseNumbers(Database* ledger, std::optional<JobId> job)
    : new_(temporary_courses()),
      add_(new_, "INSERT INTO course (course_id) VALUES (?) ON CONFLICT DO NOTHING"),
      find_(new_, "SELECT number FROM course WHERE course_id = ?"),
      name_(new_, "SELECT course_id FROM course WHERE number = ?"),
      job_(job) {
  if (ledger == nullptr || !job) return;
  if (Statement(*ledger, "SELECT EXISTS (SELECT 1 FROM course WHERE job_id = ?)").the<bool>(*job))
    known_.emplace(*ledger, "SELECT course_no FROM course WHERE job_id = ? AND course_id = ?");
}

std::int64_t CourseNumbers::number_of(std::string_view course) {
  if (const auto found = latest_.find(course); found != latest_.end()) return found->second;
  if (latest_size_ > remembered_size) {
    latest_.clear();
    latest_size_ = 0;
  }
  std::string text(course);
  const std::int64_t number = look_up(text);
  latest_size_ += text.size() + node_size;
  latest_.emplace(std::move(text), number);
  return number;
}

std::int64_t CourseNumbers::look_up(const std::string& course) {
  if (known_) {
    if (const auto number = known_->row<std::int64_t>(*job_, course)) return *number;
  }
  try {
    if (add_.run(course) > 0) return first_new + new_.getLastInsertRowid();
    return first_new + find_.the<std::int64_t>(course);
  } catch (const SQLite::Exception& exception) {
    throw temporary_error(exception, "the list's courses");
  }
}

std::int64_t CourseNumbers::in_ledger(Transaction& transaction, std::int64_t number) {
  if (number < first_new) return number;
  if (number == written_) return written_as_;
  if (!write_) write_.emplace(transaction, "INSERT INTO course (job_id, course_id) VALUES (?, ?)");
  written_as_ = write_->insert(*job_, name_.the<std::string>(number - first_new));
  written_ = number;
  return written_as_;
}

}  // namespace convoke
