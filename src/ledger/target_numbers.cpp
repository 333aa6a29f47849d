#include "ledger/target_numbers.h"

namespace convoke {
namespace {

constexpr std::size_t remembered_size = 4UL * 1024 * 1024;
constexpr std::size_t node_size = 80;  // of the map, beside the text

}  // namespace

TargetNumbers::TargetNumbers(Database* ledger, std::optional<JobId> job, TargetKind kind)
    : new_(temporary_database(R"sql(
        CREATE TABLE target (number INTEGER PRIMARY KEY, id TEXT NOT NULL, step TEXT NOT NULL, UNIQUE (id, step))
      )sql")),
      add_(new_, "INSERT INTO target (id, step) VALUES (?, ?) ON CONFLICT DO NOTHING"),
      find_(new_, "SELECT number FROM target WHERE id = ? AND step = ?"),
      name_(new_, "SELECT id, step FROM target WHERE number = ?"),
      job_(job),
      kind_(kind) {
  if (ledger == nullptr || !job) return;
  if (Statement(*ledger, "SELECT EXISTS (SELECT 1 FROM target WHERE job_id = ?)").the<bool>(*job))
    known_.emplace(*ledger, "SELECT target_no FROM target WHERE job_id = ? AND kind = ? AND id = ? AND step = ?");
}

std::int64_t TargetNumbers::number_of(std::string_view target, Step step) {
  auto& latest = latest_[static_cast<std::size_t>(step)];
  if (const auto found = latest.find(target); found != latest.end()) return found->second;
  if (latest_size_ > remembered_size) {
    for (auto& of_step : latest_) of_step.clear();
    latest_size_ = 0;
  }
  std::string text(target);
  const std::int64_t number = look_up(text, step);
  latest_size_ += text.size() + node_size;
  latest.emplace(std::move(text), number);
  return number;
}

std::int64_t TargetNumbers::look_up(const std::string& target, Step step) {
  if (known_) {
    if (const auto number = known_->row<std::int64_t>(*job_, kind_, target, step)) return *number;
  }
  try {
    if (add_.run(target, step) > 0) return first_new + new_.getLastInsertRowid();
    return first_new + find_.the<std::int64_t>(target, step);
  } catch (const SQLite::Exception& exception) {
    throw temporary_error(exception, "the list's targets");
  }
}

std::int64_t TargetNumbers::in_ledger(Transaction& transaction, std::int64_t number) {
  if (number < first_new) return number;
  if (number == written_) return written_as_;
  if (!write_) write_.emplace(transaction, "INSERT INTO target (job_id, kind, id, step) VALUES (?, ?, ?, ?)");
  const auto [id, step] = name_.the<std::string, Step>(number - first_new);
  written_as_ = write_->insert(*job_, kind_, id, step);
  written_ = number;
  return written_as_;
}

}  // namespace convoke
