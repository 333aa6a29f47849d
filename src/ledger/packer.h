// New members on their way into chunks, many chunks a write.
#pragma once

#include <cstdint>
#include <vector>

#include "base/member_id.h"
#include "ledger/course_numbers.h"
#include "ledger/database.h"
#include "ledger/statement.h"

namespace convoke {

/// How much is written at once: other processes get their turn.
inline constexpr std::size_t chunks_a_write = 512;
inline constexpr std::size_t members_a_write = 1 << 16;  // chunks may be of 10,000

class Packer {
 public:
  /// Chunks are of `chunk_size` members, 1 or more, unless a course has no more. The other two must outlive this.
  Packer(Database& database, JobId job, CourseNumbers& courses, std::size_t chunk_size);

  /// To be given by course and id, ascending. Throws Error disk, as write() does.
  void add(std::int64_t course_no, const MemberId& id, std::uint64_t line);

  /// Writes what is not written yet.
  void write();

 private:
  struct NewChunk {
    std::int64_t course_no;
    std::vector<MemberId> ids;
    std::vector<std::uint64_t> lines;
  };

  Database& database_;
  JobId job_;
  CourseNumbers& courses_;
  std::size_t chunk_size_;
  Statement insert_;
  std::vector<NewChunk> waiting_;
  std::size_t members_ = 0;  // in them
};

}  // namespace convoke
