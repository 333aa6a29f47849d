#include "ledger/intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <tuple>
#include <vector>

#include "ledger/chunk.h"

namespace convoke {
namespace {

constexpr std::size_t entries_in_memory = 1 << 20;  // 32 MiB of entries
constexpr std::size_t chunks_a_write = 512;
constexpr std::size_t invalid_rows_a_write = 4096;
constexpr std::size_t longest_value_kept = 200;

// One known member or one row. Known ones sort before rows of the same member, rows by line.
struct Entry {
  std::uint64_t high;
  std::uint64_t low;
  std::uint32_t course_no;
  std::uint32_t index;   // known: where in its chunk
  std::uint64_t origin;  // known: its chunk; row: its line with row_bit

  static constexpr std::uint64_t row_bit = std::uint64_t{1} << 63U;
  bool is_row() const { return (origin & row_bit) != 0; }
  std::uint64_t line() const { return origin & ~row_bit; }

  bool operator<(const Entry& other) const {
    if (course_no != other.course_no) return course_no < other.course_no;
    if (high != other.high) return high < other.high;
    if (low != other.low) return low < other.low;
    return origin < other.origin;
  }
  static void sort(std::vector<Entry>& entries);
  bool same_member(const Entry& other) const {
    return low == other.low && high == other.high && course_no == other.course_no;
  }
};
static_assert(sizeof(Entry) == 32);

// Most lists are of one course and of random ids: their leading bits spread them over buckets (in place: the American
// flag sort of McIlroy, Bostic and McIlroy, 1993), and what is left to compare is small and in the cache. Half the time
// of std::sort alone; ids that all begin alike end up in one bucket, and cost what they did.
void Entry::sort(std::vector<Entry>& entries) {
  constexpr int bucket_bits = 12;
  constexpr std::size_t buckets = 1U << bucket_bits;
  const auto bucket_of = [](const Entry& entry) { return static_cast<std::size_t>(entry.high >> (64 - bucket_bits)); };
  const bool one_course = std::all_of(entries.begin(), entries.end(),
                                      [&](const Entry& entry) { return entry.course_no == entries.front().course_no; });
  if (!one_course || entries.size() < 4 * buckets) {
    std::sort(entries.begin(), entries.end());
    return;
  }
  std::vector<std::size_t> end(buckets);
  for (const Entry& entry : entries) ++end[bucket_of(entry)];
  std::partial_sum(end.begin(), end.end(), end.begin());
  std::vector<std::size_t> next(buckets);
  std::copy(end.begin(), end.end() - 1, next.begin() + 1);
  const std::vector<std::size_t> begin = next;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    while (next[bucket] < end[bucket]) {
      Entry entry = entries[next[bucket]];
      for (std::size_t home = bucket_of(entry); home != bucket; home = bucket_of(entry))
        std::swap(entry, entries[next[home]++]);
      entries[next[bucket]++] = entry;
    }
    std::sort(entries.begin() + static_cast<std::ptrdiff_t>(begin[bucket]),
              entries.begin() + static_cast<std::ptrdiff_t>(end[bucket]));
  }
}

// Ids compare as big-endian bytes; two words compare faster.
std::uint64_t swap_if_little(std::uint64_t word) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}

Entry entry_of(const MemberId& id, std::int64_t course_no, std::uint32_t index, std::uint64_t origin) {
  std::uint64_t words[2];
  std::memcpy(words, id.bytes.data(), sizeof words);
  return {swap_if_little(words[0]), swap_if_little(words[1]), static_cast<std::uint32_t>(course_no), index, origin};
}

MemberId id_of(const Entry& entry) {
  const std::uint64_t words[2] = {swap_if_little(entry.high), swap_if_little(entry.low)};
  MemberId id;
  std::memcpy(id.bytes.data(), words, sizeof words);
  return id;
}

// What becomes of a member that the ledger knew: it has this line now, or it is gone.
struct Amendment {
  std::uint64_t chunk;
  std::uint32_t index;
  std::uint32_t gone;
  std::uint64_t line;

  bool operator<(const Amendment& other) const { return std::tie(chunk, index) < std::tie(other.chunk, other.index); }
};

// What a reading calls out, in this order: rows as they come, then members as sorted.
struct Listener {
  std::function<std::int64_t(std::string_view course)> course_no;
  std::function<void(const IntakeRow&)> invalid;
  std::function<void(std::int64_t course_no, const MemberId&, std::uint64_t line)> added;
  std::function<void(const Amendment&)> amended;
};

Reading read_against(Database* database, std::optional<JobId> job, const ReadSource& read,
                     const std::filesystem::path& folder, const Listener& listener) {
  Reading reading;
  Sorter<Entry> sorter(folder, entries_in_memory);
  if (database && job) {
    SQLite::Statement known(database->handle(), "SELECT chunk_id, course_no, ids FROM chunk WHERE job_id = ?");
    known.bind(1, *job);
    while (known.executeStep()) {
      const auto chunk = static_cast<std::uint64_t>(known.getColumn(0).getInt64());
      const auto course_no = known.getColumn(1).getInt64();
      std::uint32_t index = 0;
      for (const MemberId& id : ids_of(known.getColumn(2))) sorter.add(entry_of(id, course_no, index++, chunk));
    }
  }

  std::string course;
  std::int64_t course_no = 0;
  read([&](const IntakeRow& row) {
    ++reading.rows;
    if (!row.member) {
      ++reading.invalid;
      listener.invalid(row);
      return;
    }
    if (course_no == 0 || row.course != course) {
      course = row.course;
      course_no = listener.course_no(course);
    }
    sorter.add(entry_of(*row.member, course_no, 0, row.line | Entry::row_bit));
  });

  std::optional<Entry> current;  // the member at hand, and
  bool known = false;            // whether the ledger has it, and
  bool seen = false;             // whether the source does
  const auto finish_member = [&] {
    if (!current || !known || seen) return;
    ++reading.gone;
    listener.amended({current->origin, current->index, 1, 0});
  };
  sorter.drain([&](const Entry& entry) {
    if (!current || !entry.same_member(*current)) {
      finish_member();
      current = entry;
      known = !entry.is_row();
      seen = entry.is_row();
      if (!known) {
        ++reading.members;
        ++reading.added;
        listener.added(entry.course_no, id_of(entry), entry.line());
      }
    } else if (!entry.is_row()) {
      throw Error(Exit::defect, fmt::format("member {} stands in two chunks of one job", id_of(entry).text()));
    } else if (!seen) {
      seen = true;
      ++reading.members;
      listener.amended({current->origin, current->index, 0, entry.line()});
    } else {
      ++reading.duplicates;
    }
  });
  finish_member();
  return reading;
}

// New members on their way into chunks, many chunks a write.
class Packer {
 public:
  Packer(Database& database, JobId job, std::size_t chunk_size)
      : database_(database),
        job_(job),
        chunk_size_(chunk_size),
        insert_(database.handle(),
                "INSERT INTO chunk (job_id, course_no, size, ids, lines, outcome) VALUES (?, ?, ?, ?, ?, 'pending')") {}

  void add(std::int64_t course_no, const MemberId& id, std::uint64_t line) {
    if (waiting_.empty() || waiting_.back().course_no != course_no || waiting_.back().ids.size() == chunk_size_) {
      if (waiting_.size() == chunks_a_write) write();
      waiting_.push_back({course_no, {}, {}});
      waiting_.back().ids.reserve(chunk_size_);
      waiting_.back().lines.reserve(chunk_size_);
    }
    waiting_.back().ids.push_back(id);
    waiting_.back().lines.push_back(line);
  }

  void write() {
    if (waiting_.empty()) return;
    database_.write([&] {
      for (const NewChunk& chunk : waiting_) {
        const std::string lines = encode_lines(chunk.lines);
        insert_.bind(1, job_);
        insert_.bind(2, chunk.course_no);
        insert_.bind(3, static_cast<std::int64_t>(chunk.ids.size()));
        bind_ids(insert_, 4, chunk.ids);
        insert_.bindNoCopy(5, lines);
        insert_.exec();
        insert_.reset();
      }
    });
    written_ += static_cast<std::int64_t>(waiting_.size());
    waiting_.clear();
  }

  std::int64_t written() const { return written_; }

 private:
  struct NewChunk {
    std::int64_t course_no;
    std::vector<MemberId> ids;
    std::vector<std::uint64_t> lines;
  };

  Database& database_;
  JobId job_;
  std::size_t chunk_size_;
  SQLite::Statement insert_;
  std::vector<NewChunk> waiting_;
  std::int64_t written_ = 0;
};

class InvalidRows {
 public:
  InvalidRows(Database& database, JobId job) : database_(database), job_(job) {}

  void add(const IntakeRow& row) {
    waiting_.push_back({row.line, std::string(row.value.substr(0, longest_value_kept)), std::string(row.reason)});
    if (waiting_.size() == invalid_rows_a_write) write();
  }

  void write() {
    if (waiting_.empty()) return;
    database_.write([&] {
      SQLite::Statement insert(database_.handle(), "INSERT INTO invalid_row VALUES (?, ?, ?, ?)");
      for (const Row& row : waiting_) {
        insert.bind(1, -job_);  // till the reading is done, those of the last one stay
        insert.bind(2, static_cast<std::int64_t>(row.line));
        insert.bindNoCopy(3, row.value);
        insert.bindNoCopy(4, row.reason);
        insert.exec();
        insert.reset();
      }
    });
    waiting_.clear();
  }

 private:
  struct Row {
    std::uint64_t line;
    std::string value;
    std::string reason;
  };
  Database& database_;
  JobId job_;
  std::vector<Row> waiting_;
};

// What a reading makes of members of one outcome that are gone from the source, or are back in it; empty: nothing.
std::optional<Fate> fate_of_gone(const Chunk& chunk, const Fate& now) {
  Fate fate = now;
  switch (now.outcome) {
    case Outcome::pending: {
      // Asked, and not refused as a whole since: the call may have taken effect, and "withdrawn" would be a guess.
      // (Absence from a 201 is no refusal: it is what the API says of those it has invited before.)
      const bool refused = now.http_status == 400 || now.http_status == 413 || now.http_status == 422;
      const bool may_be_invited = chunk.attempts > 0 && !refused;
      fate = {};
      fate.attempts = chunk.attempts;
      fate.quiet = chunk.quiet;
      fate.http_status = may_be_invited ? now.http_status : 0;
      fate.outcome = may_be_invited ? Outcome::in_doubt : Outcome::withdrawn;
      fate.error = may_be_invited ? "asked without an answer, and no longer in the source" : "no longer in the source";
      fate.gone = may_be_invited;
      return fate;
    }
    case Outcome::failed:
    case Outcome::rejected:
    case Outcome::in_doubt:
      fate.gone = true;
      return now.gone ? std::nullopt : std::optional(fate);
    default:
      return std::nullopt;
  }
}

std::optional<Fate> fate_of_back(const Chunk& chunk, const Fate& now) {
  Fate fate = now;
  if (now.outcome == Outcome::withdrawn) {
    fate = {};
    fate.attempts = chunk.attempts;
    fate.quiet = chunk.quiet;
    return fate;
  }
  fate.gone = false;
  return now.gone ? std::optional(fate) : std::nullopt;
}

void amend_chunk(Database& database, Chunks& chunks, ChunkId id, const std::vector<Amendment>& amendments,
                 Reading& reading, WallTime now) {
  SQLite::Statement row(
      database.handle(),
      "SELECT outcome, lines, run_id, not_before, http_status, error, gone FROM chunk WHERE chunk_id = ?");
  row.bind(1, id);
  row.executeStep();
  const auto old_lines = decode_lines(row.getColumn(1).getString());
  const auto run = row.getColumn(2).isNull() ? std::nullopt : std::optional<RunId>(row.getColumn(2).getInt64());
  const Chunk chunk = chunks.read(id);
  Fate same;
  same.outcome = outcome_named(row.getColumn(0).getString()).value();
  same.not_before = LedgerTime(Duration(row.getColumn(3).getInt64()));
  same.http_status = row.getColumn(4).getInt();
  same.error = row.getColumn(5).getString();
  same.gone = row.getColumn(6).getInt() != 0;
  same.attempts = chunk.attempts;
  same.tries = chunk.tries;
  same.missing = chunk.missing;
  same.quiet = chunk.quiet;
  row.reset();
  const auto if_gone = fate_of_gone(chunk, same);
  const auto if_back = fate_of_back(chunk, same);

  std::vector<std::uint64_t> lines = old_lines;
  std::vector<std::uint32_t> stay;
  std::vector<std::uint32_t> leave;
  bool leave_by_going = false;  // a chunk's outcome lets its members change one way only
  for (const Amendment& amendment : amendments) {
    if (amendment.gone == 0) lines[amendment.index] = amendment.line;
    const bool leaves = amendment.gone != 0 ? if_gone.has_value() : if_back.has_value();
    (leaves ? leave : stay).push_back(amendment.index);
    leave_by_going = leave_by_going || (leaves && amendment.gone != 0);
  }
  if (lines != old_lines) {
    SQLite::Statement update(database.handle(), "UPDATE chunk SET lines = ? WHERE chunk_id = ?");
    update.bind(1, encode_lines(lines));
    update.bind(2, id);
    update.exec();
  }
  if (leave.empty()) return;

  const Fate& other = leave_by_going ? *if_gone : *if_back;
  const auto left = static_cast<std::int64_t>(leave.size());
  if (same.outcome == Outcome::pending) reading.withdrawn += left;
  if (same.outcome == Outcome::withdrawn) reading.revived += left;
  std::vector<Piece> pieces;
  if (!stay.empty()) pieces.push_back({std::move(stay), same});
  pieces.push_back({pieces.empty() ? std::vector<std::uint32_t>{} : std::move(leave), other});
  // When it changed is when it was read; which run asked last stays as it was.
  chunks.record(chunk, pieces, run, now);
}

void amend(Database& database, JobId job, Sorter<Amendment>& amendments, Reading& reading, WallTime now) {
  Chunks chunks(database, job);
  std::vector<Amendment> of_chunk;
  std::vector<std::vector<Amendment>> waiting;
  const auto write = [&] {
    if (waiting.empty()) return;
    database.write([&] {
      for (const auto& changes : waiting)
        amend_chunk(database, chunks, static_cast<ChunkId>(changes[0].chunk), changes, reading, now);
    });
    waiting.clear();
  };
  const auto finish_chunk = [&] {
    if (of_chunk.empty()) return;
    waiting.push_back(std::move(of_chunk));
    of_chunk = {};
    if (waiting.size() == chunks_a_write) write();
  };
  amendments.drain([&](const Amendment& amendment) {
    if (!of_chunk.empty() && of_chunk.back().chunk != amendment.chunk) finish_chunk();
    of_chunk.push_back(amendment);
  });
  finish_chunk();
  write();
}

std::map<std::string, std::int64_t, std::less<>> known_courses(Database& database, JobId job) {
  std::map<std::string, std::int64_t, std::less<>> courses;
  SQLite::Statement query(database.handle(), "SELECT course_id, course_no FROM course WHERE job_id = ?");
  query.bind(1, job);
  while (query.executeStep()) courses.emplace(query.getColumn(0).getString(), query.getColumn(1).getInt64());
  return courses;
}

}  // namespace

Reading take_in(Database& database, JobId job, const ReadSource& read, int chunk_size, const std::string& fingerprint,
                WallTime now) {
  database.write([&] {
    // From here until the end the job's source counts as not read.
    SQLite::Statement forget(database.handle(), "UPDATE job SET fingerprint = '', half_read = 1 WHERE job_id = ?");
    forget.bind(1, job);
    forget.exec();
    SQLite::Statement clear(database.handle(), "DELETE FROM invalid_row WHERE job_id = ?");
    clear.bind(1, -job);
    clear.exec();
  });

  auto courses = known_courses(database, job);
  const auto folder = database.path().parent_path();
  Packer packer(database, job, static_cast<std::size_t>(chunk_size));
  InvalidRows invalid_rows(database, job);
  Sorter<Amendment> amendments(folder, entries_in_memory);
  Listener listener;
  listener.course_no = [&](std::string_view course) {
    const auto found = courses.find(course);
    if (found != courses.end()) return found->second;
    std::int64_t number = 0;
    database.write([&] {
      SQLite::Statement insert(database.handle(), "INSERT INTO course (job_id, course_id) VALUES (?, ?)");
      insert.bind(1, job);
      insert.bind(2, std::string(course));
      insert.exec();
      number = database.handle().getLastInsertRowid();
    });
    courses.emplace(course, number);
    return number;
  };
  listener.invalid = [&](const IntakeRow& row) { invalid_rows.add(row); };
  listener.added = [&](std::int64_t course_no, const MemberId& id, std::uint64_t line) {
    packer.add(course_no, id, line);
  };
  listener.amended = [&](const Amendment& amendment) { amendments.add(amendment); };
  Reading reading = read_against(&database, job, read, folder, listener);
  packer.write();
  invalid_rows.write();
  reading.chunks = packer.written();
  amend(database, job, amendments, reading, now);

  database.write([&] {
    SQLite::Statement update(
        database.handle(),
        "UPDATE job SET fingerprint = ?, half_read = 0, chunk_size = iif(chunk_size = 0, ?, chunk_size), "
        "rows_read = ?, invalid = ?, duplicates = ?, gone = ? "
        "WHERE job_id = ?");
    update.bind(1, fingerprint);
    update.bind(2, chunk_size);
    update.bind(3, reading.rows);
    update.bind(4, reading.invalid);
    update.bind(5, reading.duplicates);
    update.bind(6, reading.gone);
    update.bind(7, job);
    update.exec();
    SQLite::Statement clear(database.handle(), "DELETE FROM invalid_row WHERE job_id = ?");
    clear.bind(1, job);
    clear.exec();
    SQLite::Statement take_over(database.handle(), "UPDATE invalid_row SET job_id = ?1 WHERE job_id = -?1");
    take_over.bind(1, job);
    take_over.exec();
  });
  return reading;
}

Reading survey(Database* database, std::optional<JobId> job, const ReadSource& read, int chunk_size,
               const std::filesystem::path& folder) {
  std::map<std::string, std::int64_t, std::less<>> courses;
  std::int64_t next_course = 1;
  if (database && job) {
    courses = known_courses(*database, *job);
    for (const auto& [course, number] : courses) next_course = std::max(next_course, number + 1);
  }
  std::map<std::int64_t, std::int64_t> added;
  Listener listener;
  listener.course_no = [&](std::string_view course) {
    const auto [found, is_new] = courses.emplace(course, next_course);
    if (is_new) ++next_course;
    return found->second;
  };
  listener.invalid = [](const IntakeRow&) {};
  listener.added = [&](std::int64_t course_no, const MemberId&, std::uint64_t) { ++added[course_no]; };
  Sorter<Amendment> amendments(folder, entries_in_memory);
  listener.amended = [&](const Amendment& amendment) { amendments.add(amendment); };
  Reading reading = read_against(database, job, read, folder, listener);
  for (const auto& [course_no, members] : added) reading.chunks += (members + chunk_size - 1) / chunk_size;
  if (database && job) {
    SQLite::Statement outcome_of(database->handle(), "SELECT outcome FROM chunk WHERE chunk_id = ?");
    std::uint64_t chunk = 0;
    std::optional<Outcome> outcome;
    amendments.drain([&](const Amendment& amendment) {
      if (amendment.chunk != chunk) {
        chunk = amendment.chunk;
        outcome_of.bind(1, static_cast<std::int64_t>(chunk));
        outcome_of.executeStep();
        outcome = outcome_named(outcome_of.getColumn(0).getString());
        outcome_of.reset();
      }
      if (amendment.gone != 0 && outcome == Outcome::pending) ++reading.withdrawn;
      if (amendment.gone == 0 && outcome == Outcome::withdrawn) ++reading.revived;
    });
  }
  return reading;
}

bool is_read(Database& database, JobId job, const std::string& fingerprint) {
  if (fingerprint.empty()) return false;
  SQLite::Statement query(database.handle(), "SELECT fingerprint FROM job WHERE job_id = ?");
  query.bind(1, job);
  return query.executeStep() && query.getColumn(0).getString() == fingerprint;
}

int packed_for(Database& database, JobId job) {
  SQLite::Statement query(database.handle(), "SELECT chunk_size FROM job WHERE job_id = ?");
  query.bind(1, job);
  return query.executeStep() ? query.getColumn(0).getInt() : 0;
}

void set_packed_for(Database& database, JobId job, int chunk_size) {
  SQLite::Statement update(database.handle(), "UPDATE job SET chunk_size = ? WHERE job_id = ?");
  update.bind(1, chunk_size);
  update.bind(2, job);
  update.exec();
}

}  // namespace convoke
