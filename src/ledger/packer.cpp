#include "ledger/packer.h"

#include "ledger/chunks.h"

namespace convoke {

Packer::Packer(Database& database, JobId job, CourseNumbers& courses, std::size_t chunk_size)
    : database_(database),
      job_(job),
      courses_(courses),
      chunk_size_(chunk_size),
      insert_(database,
              "INSERT INTO chunk (job_id, course_no, size, ids, lines, outcome) VALUES (?, ?, ?, ?, ?, 'pending')") {}

void Packer::add(std::int64_t course_no, const MemberId& id, std::uint64_t line) {
  if (waiting_.empty() || waiting_.back().course_no != course_no || waiting_.back().ids.size() == chunk_size_) {
    if (waiting_.size() == chunks_a_write || members_ >= members_a_write) write();
    waiting_.push_back({course_no, {}, {}});
    waiting_.back().ids.reserve(chunk_size_);
    waiting_.back().lines.reserve(chunk_size_);
  }
  waiting_.back().ids.push_back(id);
  waiting_.back().lines.push_back(line);
  ++members_;
}

void Packer::write() {
  if (waiting_.empty()) return;
  database_.write([&](Transaction& transaction) {
    for (const NewChunk& chunk : waiting_) {
      insert_.run(job_, courses_.in_ledger(transaction, chunk.course_no), chunk.ids.size(), chunk.ids,
                  encode_lines(chunk.lines));
    }
  });
  waiting_.clear();
  members_ = 0;
}

}  // namespace convoke
