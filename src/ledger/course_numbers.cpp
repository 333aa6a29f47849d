#include "ledger/course_numbers.h"

namespace convoke {
namespace {

constexpr std::size_t remembered_size = 4UL * 1024 * 1024;
constexpr std::size_t node_size = 80;  // of the map, beside the text

SQLite::Database temporary_courses() {
  SQLite::Database courses("", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  courses.exec(
      "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; CREATE TABLE course (number INTEGER PRIMARY KEY, "
      "course_id TEXT NOT NULL UNIQUE)");
  return courses;
}

}  // namespace

CourseNumbers::CourseNumbers(Database* ledger, std::optional<JobId> job)
    : new_(temporary_courses()),
      add_(new_, "INSERT INTO course (course_id) VALUES (?) ON CONFLICT DO NOTHING"),
      find_(new_, "SELECT number FROM course WHERE course_id = ?"),
      name_(new_, "SELECT course_id FROM course WHERE number = ?"),
      ledger_(ledger),
      job_(job) {
  if (ledger == nullptr || !job) return;
  SQLite::Statement any(ledger->handle(), "SELECT 1 FROM course WHERE job_id = ?");
  any.bind(1, *job);
  if (any.executeStep())
    known_.emplace(ledger->handle(), "SELECT course_no FROM course WHERE job_id = ? AND course_id = ?");
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
    known_->reset();
    known_->bind(1, *job_);
    known_->bindNoCopy(2, course);
    const std::int64_t number = known_->executeStep() ? known_->getColumn(0).getInt64() : 0;
    known_->reset();  // so that no snapshot is held
    if (number != 0) return number;
  }
  try {
    add_.reset();
    add_.bindNoCopy(1, course);
    if (add_.exec() > 0) return first_new + new_.getLastInsertRowid();
    find_.reset();
    find_.bindNoCopy(1, course);
    find_.executeStep();
    return first_new + find_.getColumn(0).getInt64();
  } catch (const SQLite::Exception& exception) {
    throw temporary_error(exception, "the list's courses");
  }
}

std::int64_t CourseNumbers::in_ledger(std::int64_t number) {
  if (number < first_new) return number;
  if (number == written_) return written_as_;
  name_.reset();
  name_.bind(1, number - first_new);
  name_.executeStep();
  if (!write_) write_.emplace(ledger_->handle(), "INSERT INTO course (job_id, course_id) VALUES (?, ?)");
  write_->reset();
  write_->bind(1, *job_);
  write_->bind(2, name_.getColumn(0).getString());
  write_->exec();
  written_ = number;
  written_as_ = ledger_->handle().getLastInsertRowid();
  return written_as_;
}

}  // namespace convoke
