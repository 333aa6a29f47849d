#include "ledger/intake.h"

#include <tuple>
#include <utility>
#include <vector>

#include "ledger/chunks.h"
#include "ledger/differences.h"
#include "ledger/statement.h"
#include "ledger/target_numbers.h"

namespace convoke {
namespace {

constexpr std::size_t amendments_in_memory = 1 << 20;  // 24 MiB
constexpr std::size_t chunks_a_write = 512;
constexpr std::size_t members_a_write = 1 << 16;  // chunks may be of 10,000
constexpr std::size_t invalid_rows_a_write = 4096;
constexpr std::size_t longest_value_kept = 200;

// The invalid rows of a reading under way, in a temporary table: till it is done, those of the last one stay.
class InvalidRows {
 public:
  explicit InvalidRows(Database& database) : database_(database) {
    database_.write([&] {
      database_.handle().exec(R"sql(
        PRAGMA temp.cache_size = -1000;
        CREATE TEMP TABLE IF NOT EXISTS found (line INTEGER, value TEXT, reason TEXT);
        DELETE FROM temp.found;
      )sql");
    });
  }

  void add(const CheckedRow& row) {
    const auto* reason = std::get_if<Reason>(&row.member);
    if (reason == nullptr) return;
    waiting_.push_back({row.line, std::string(row.value.substr(0, longest_value_kept)), *reason});
    if (waiting_.size() < invalid_rows_a_write) return;
    database_.write([&](Transaction& transaction) { insert_waiting(transaction); });
  }

  // In place of the job's last ones.
  void take_over(Transaction& transaction, JobId job) {
    // (An older convoke had those of a reading under way in the same table, under a negative number.)
    Statement(transaction, "DELETE FROM invalid_row WHERE job_id IN (?1, -?1)").run(job);
    insert_waiting(transaction);
    Statement(transaction, "INSERT INTO invalid_row SELECT ?, line, value, reason FROM temp.found ORDER BY rowid")
        .run(job);
    Statement(transaction, "DELETE FROM temp.found").run();
  }

 private:
  struct Row {
    std::uint64_t line;
    std::string value;
    Reason reason;
  };

  void insert_waiting(Transaction& transaction) {
    try {
      Statement insert(transaction, "INSERT INTO temp.found VALUES (?, ?, ?)");
      for (const Row& row : waiting_) insert.run(row.line, row.value, row.reason);
    } catch (const SQLite::Exception& exception) {
      throw temporary_error(exception, "the list's invalid rows");
    }
    waiting_.clear();
  }

  Database& database_;
  std::vector<Row> waiting_;
};

// New members on their way into chunks, many chunks a write.
class Packer {
 public:
  Packer(Database& database, JobId job, TargetNumbers& targets, std::size_t chunk_size, std::size_t batch)
      : database_(database),
        job_(job),
        targets_(targets),
        chunk_size_(chunk_size),
        batch_(batch),
        insert_(database,
                "INSERT INTO chunk (job_id, target_no, size, ids, lines, outcome) VALUES (?, ?, ?, ?, ?, 'pending')") {}

  void add(const Difference& member) {
    const std::size_t full = member.is_address ? batch_ : chunk_size_;
    if (waiting_.empty() || waiting_.back().target_no != member.target_no || waiting_.back().ids.size() == full) {
      if (waiting_.size() == chunks_a_write || members_ >= members_a_write) write();
      waiting_.push_back({member.target_no, {}, {}});
      waiting_.back().ids.reserve(full);
      waiting_.back().lines.reserve(full);
    }
    waiting_.back().ids.push_back(member.id);
    waiting_.back().lines.push_back(member.line);
    ++members_;
  }

  void write() {
    if (waiting_.empty()) return;
    database_.write([&](Transaction& transaction) {
      for (const NewChunk& chunk : waiting_) {
        insert_.run(job_, targets_.in_ledger(transaction, chunk.target_no), chunk.ids.size(), chunk.ids,
                    encode_lines(chunk.lines));
      }
    });
    waiting_.clear();
    members_ = 0;
  }

 private:
  struct NewChunk {
    std::int64_t target_no;
    std::vector<MemberId> ids;
    std::vector<std::uint64_t> lines;
  };

  Database& database_;
  JobId job_;
  TargetNumbers& targets_;
  std::size_t chunk_size_;
  std::size_t batch_;  // of addresses
  Statement insert_;
  std::vector<NewChunk> waiting_;
  std::size_t members_ = 0;  // in them
};

// What becomes of a member that the ledger knew: it has this line now, or it is gone; or it was an address, and stands
// in the list as the member that another job found meanwhile.
struct Amendment {
  static constexpr std::uint32_t listed = 0;
  static constexpr std::uint32_t is_gone = 1;
  static constexpr std::uint32_t resolved = 2;

  ChunkId chunk;
  std::uint32_t index;
  std::uint32_t gone;
  std::uint64_t line;

  bool operator<(const Amendment& other) const { return std::tie(chunk, index) < std::tie(other.chunk, other.index); }
};

void amend_chunk(Transaction& transaction, Chunks& chunks, const std::vector<Amendment>& amendments, Reading& reading,
                 WallTime now) {
  const ChunkId id = amendments.front().chunk;
  const Standing standing = chunks.standing(chunks.read(id));
  const Fate& same = standing.fate;
  Fate other = same.gone ? same.back() : same.left();  // a chunk's members are all in the list, or all gone

  const std::vector<std::uint64_t> known_lines = chunks.lines(standing.chunk);
  std::vector<std::uint64_t> lines = known_lines;
  std::vector<std::uint32_t> stay;
  std::vector<std::uint32_t> leave;
  std::vector<std::uint32_t> resolved;
  for (const Amendment& amendment : amendments) {
    if (amendment.gone == Amendment::listed) lines[amendment.index] = amendment.line;
    auto& place = amendment.gone == Amendment::resolved                ? resolved
                  : (amendment.gone != Amendment::listed) == same.gone ? stay
                                                                       : leave;
    place.push_back(amendment.index);
  }
  if (lines != known_lines) chunks.set_lines(transaction, id, lines);
  if (leave.empty() && resolved.empty()) return;

  const auto left = static_cast<std::int64_t>(leave.size());
  if (!same.gone && same.outcome == Outcome::pending) reading.withdrawn += left;
  if (same.gone && other.outcome == Outcome::pending) reading.revived += left;
  std::vector<Piece> pieces;
  if (!stay.empty()) pieces.push_back({stay, picked(same, stay)});
  if (!leave.empty()) pieces.push_back({leave, picked(other, leave)});
  if (!resolved.empty()) pieces.push_back({resolved, same});
  // When it changed is when it was read; which run asked last stays as it was.
  const auto parts = chunks.divide(transaction, standing.chunk, pieces, standing.run, now);
  if (!resolved.empty()) chunks.remove(transaction, parts.back());
}

void amend(Database& database, JobId job, Sorter<Amendment>& amendments, Reading& reading, WallTime now) {
  Chunks chunks(database, job);
  amendments.begin_reading();
  const Amendment* next = amendments.next();
  while (next != nullptr) {
    std::vector<std::vector<Amendment>> by_chunk;
    for (std::size_t members = 0; next != nullptr && by_chunk.size() < chunks_a_write && members < members_a_write;) {
      std::vector<Amendment>& of_chunk = by_chunk.emplace_back();
      for (const ChunkId chunk = next->chunk; next != nullptr && next->chunk == chunk; next = amendments.next())
        of_chunk.push_back(*next);
      members += of_chunk.size();
    }
    database.write([&](Transaction& transaction) {
      for (const auto& of_chunk : by_chunk) amend_chunk(transaction, chunks, of_chunk, reading, now);
    });
  }
}

}  // namespace

std::optional<Reading> take_in(Database& database, JobId job, MemberList& list, Resolution& resolution, int chunk_size,
                               const IntakeBrakes& brakes, const std::string& fingerprint, WallTime now) {
  const Books books = books_of(database, job);
  // From here on until the end the job's source counts as not read. Where a reading may turn out not to be believed,
  // only once it is.
  const auto begin = [&] {
    database.write([&](Transaction& transaction) {
      Statement(transaction, "UPDATE job SET fingerprint = '', half_read = 1 WHERE job_id = ?").run(job);
    });
  };
  const bool may_brake = books.in_list() > 0 || brakes.rules.min_rows > 0;
  if (!may_brake) begin();

  const auto folder = database.path().parent_path();
  TargetNumbers targets(&database, job, list.target_kind());
  Differences differences(folder, targets, resolution.book());
  differences.add_known(database, job);
  InvalidRows invalid_rows(database);
  while (const auto row = list.next()) {
    if (differences.add(*row)) resolution.add(row->line, std::get<CheckedAddress>(row->member).address);
    invalid_rows.add(*row);
  }
  if (list.was_stopped()) return std::nullopt;
  check_brakes(brakes, books, differences, folder);
  if (may_brake) begin();

  Packer packer(database, job, targets, static_cast<std::size_t>(chunk_size),
                static_cast<std::size_t>(differences.look_up_size()));
  Sorter<Amendment> amendments(folder, amendments_in_memory);
  differences.begin();
  while (const auto member = differences.next()) {
    if (member->what == Difference::What::added) {
      packer.add(*member);
    } else {
      const bool is_gone = member->what == Difference::What::gone;
      const bool is_resolved = is_gone && member->is_address && resolution.book().find(member->id);
      amendments.add({member->chunk, member->index,
                      is_resolved ? Amendment::resolved
                      : is_gone   ? Amendment::is_gone
                                  : Amendment::listed,
                      member->line});
    }
  }
  packer.write();
  resolution.end_reading(differences.look_up_size());
  Reading reading = differences.reading();
  amend(database, job, amendments, reading, now);

  database.write([&](Transaction& transaction) {
    Statement(transaction, R"sql(
      UPDATE job SET fingerprint = ?, half_read = 0, rows_read = ?, invalid = ?, duplicates = ?, mended = ?
      WHERE job_id = ?
    )sql")
        .run(fingerprint, reading.rows, reading.invalid, reading.duplicates, reading.mended, job);
    invalid_rows.take_over(transaction, job);
  });
  return reading;
}

bool is_read(Database& database, JobId job, const std::string& fingerprint) {
  if (fingerprint.empty()) return false;
  return Statement(database, R"sql(
    SELECT EXISTS (SELECT 1 FROM job WHERE job_id = ?1 AND fingerprint = ?2)
           AND NOT EXISTS (SELECT 1 FROM target JOIN chunk USING (target_no)
                           WHERE target.job_id = ?1 AND step <> 'invite' AND chunk.job_id = ?1 AND gone = 0)
  )sql")
      .the<bool>(job, fingerprint);
}

}  // namespace convoke
