#include "ledger/intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/endian/conversion.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "base/numbers.h"
#include "ledger/books.h"
#include "ledger/chunks.h"
#include "ledger/course_numbers.h"

namespace convoke {
namespace {

constexpr std::size_t entries_in_memory = 1 << 20;  // 32 MiB of entries
constexpr std::size_t waiting_in_memory = 1 << 17;  // 4 MiB
constexpr std::size_t moves_in_memory = 1 << 17;    // 3 MiB
constexpr std::size_t groups_in_memory = 1 << 17;   // 3 MiB
constexpr std::size_t chunks_a_write = 512;
constexpr std::size_t members_a_write = 1 << 16;  // chunks may be of 10,000
constexpr std::size_t invalid_rows_a_write = 4096;
constexpr std::size_t longest_value_kept = 200;

// One known member or one row. Known ones sort before rows of the same member, rows by line.
struct Entry {
  std::uint64_t high;
  std::uint64_t low;
  std::uint32_t course_no;
  std::uint32_t index;   // known: where in its chunk, with unsettled_bit or gone_bit
  std::uint64_t origin;  // known: its chunk; row: its line with row_bit

  static constexpr std::uint64_t row_bit = std::uint64_t{1} << 63U;
  static constexpr std::uint32_t unsettled_bit = std::uint32_t{1} << 31U;
  static constexpr std::uint32_t gone_bit = std::uint32_t{1} << 30U;
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
  std::array<std::size_t, buckets> size{};
  for (const Entry& entry : entries) ++size[bucket_of(entry)];
  std::array<Entry*, buckets> next{};
  std::array<Entry*, buckets> end{};
  Entry* begin = entries.data();
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    next[bucket] = begin;
    end[bucket] = begin += size[bucket];
  }
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    while (next[bucket] < end[bucket]) {
      Entry entry = *next[bucket];
      for (std::size_t home = bucket_of(entry); home != bucket; home = bucket_of(entry))
        std::swap(entry, *next[home]++);
      *next[bucket]++ = entry;
    }
    std::sort(end[bucket] - size[bucket], end[bucket]);
  }
}

// Ids compare as big-endian bytes; two words compare faster.
Entry entry_of(const MemberId& id, std::int64_t course_no, std::uint32_t index, std::uint64_t origin) {
  return {boost::endian::load_big_u64(&id.bytes[0]), boost::endian::load_big_u64(&id.bytes[8]),
          static_cast<std::uint32_t>(course_no), index, origin};
}

MemberId id_of(const Entry& entry) {
  MemberId id;
  boost::endian::store_big_u64(&id.bytes[0], entry.high);
  boost::endian::store_big_u64(&id.bytes[8], entry.low);
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

// One who is new to a course, or leaves one unsettled: who does both has another course now.
struct Move {
  std::uint64_t high;
  std::uint64_t low;
  std::uint64_t leaves;

  bool operator<(const Move& other) const {
    return std::tie(high, low, leaves) < std::tie(other.high, other.low, other.leaves);
  }
  bool same_member(const Move& other) const { return high == other.high && low == other.low; }
};

// What the brakes go by: whom the ledger has for the job, and who of them would leave.
struct Known {
  explicit Known(const std::filesystem::path& folder) : moves(folder, moves_in_memory) {}

  std::int64_t in_list = 0;    // members of the last reading
  std::int64_t unsettled = 0;  // of them, those pending, failed or in doubt
  Sorter<Move> moves;

  // Of the unsettled, those that this reading has for no course.
  std::int64_t leaving() {
    std::int64_t members = 0;
    std::optional<Move> current;
    std::int64_t comes = 0;
    moves.drain([&](const Move& move) {
      if (!current || !move.same_member(*current)) comes = 0;
      current = move;
      // Who comes sorts before who leaves; one that comes makes up for one that leaves.
      if (move.leaves == 0) {
        ++comes;
      } else if (comes-- <= 0) {
        ++members;
      }
    });
    return members;
  }
};

void check_brakes(const IntakeBrakes& brakes, const Reading& reading, Known& known) {
  constexpr std::int64_t least = 20;
  if (reading.rows < brakes.min_rows) {
    throw Error(
        Exit::bad_source,
        fmt::format("has {}, and source.min_rows asks for {}", counted(reading.rows, "row"), grouped(brakes.min_rows)),
        brakes.source, "see that the list is whole; or lower source.min_rows");
  }
  if (brakes.accept_shrunk) return;
  if (reading.rows == 0 && known.in_list > 0) {
    throw Error(Exit::bad_source, fmt::format("is empty, and had {} before", counted(known.in_list, "member")),
                brakes.source, "see that the list is whole; if it really is empty now: --accept-shrunk");
  }
  if (known.unsettled < least) return;
  if (const auto leaving = known.leaving(); leaving >= least && 2 * leaving > known.unsettled) {
    throw Error(Exit::bad_source,
                fmt::format("has shrunk: {} of the {} that are not settled yet are no longer in it, and would not "
                            "be asked for any more ({} now)",
                            grouped(leaving), counted(known.unsettled, "member"), counted(reading.rows, "row")),
                brakes.source, "see that it is the whole list, and the right one; if it is: --accept-shrunk");
  }
}

Reading read_against(Database* database, std::optional<JobId> job, const ReadSource& read,
                     const std::filesystem::path& folder, const Listener& listener, Known& known_members) {
  Reading reading;
  Sorter<Entry> sorter(folder, entries_in_memory);
  if (database && job) {
    Statement known(*database, R"sql(
      SELECT chunk_id, course_no, ids, gone = 0 AND outcome IN ('pending', 'failed', 'in_doubt'), gone
      FROM chunk WHERE job_id = ?
    )sql");
    for (const auto& [chunk, course_no, ids, is_unsettled, is_gone] :
         known.rows<std::uint64_t, std::int64_t, std::vector<MemberId>, bool, bool>(*job)) {
      std::uint32_t index = is_unsettled ? Entry::unsettled_bit : is_gone ? Entry::gone_bit : 0;
      for (const MemberId& id : ids) sorter.add(entry_of(id, course_no, index++, chunk));
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
    if (row.mended) ++reading.mended;
    if (course_no == 0 || row.course != course) {
      course = row.course;
      course_no = listener.course_no(course);
    }
    sorter.add(entry_of(*row.member, course_no, 0, row.line | Entry::row_bit));
  });

  std::optional<Entry> current;  // the member at hand, and
  bool known = false;            // whether the ledger has it, and
  bool seen = false;             // whether the source does
  const auto index_of = [](const Entry& entry) { return entry.index & ~(Entry::unsettled_bit | Entry::gone_bit); };
  const auto finish_member = [&] {
    if (!current || !known || seen) return;
    ++reading.gone;
    if ((current->index & Entry::unsettled_bit) != 0) known_members.moves.add({current->high, current->low, 1});
    listener.amended({current->origin, index_of(*current), 1, 0});
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
        if (known_members.unsettled > 0) known_members.moves.add({entry.high, entry.low, 0});
        listener.added(entry.course_no, id_of(entry), entry.line());
      }
    } else if (!entry.is_row()) {
      throw Error(Exit::defect, fmt::format("member {} stands in two chunks of one job", id_of(entry).text()));
    } else if (!seen) {
      seen = true;
      ++reading.members;
      if ((current->index & Entry::gone_bit) != 0) known_members.moves.add({current->high, current->low, 0});
      listener.amended({current->origin, index_of(*current), 0, entry.line()});
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
  Packer(Database& database, JobId job, CourseNumbers& courses, std::size_t chunk_size)
      : database_(database),
        job_(job),
        courses_(courses),
        chunk_size_(chunk_size),
        insert_(database,
                "INSERT INTO chunk (job_id, course_no, size, ids, lines, outcome) VALUES (?, ?, ?, ?, ?, 'pending')") {}

  void add(std::int64_t course_no, const MemberId& id, std::uint64_t line) {
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

  void write() {
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

  void add(const IntakeRow& row) {
    waiting_.push_back({row.line, std::string(row.value.substr(0, longest_value_kept)), row.reason});
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

void amend_chunk(Transaction& transaction, Chunks& chunks, ChunkId id, const std::vector<Amendment>& amendments,
                 Reading& reading, WallTime now) {
  const Standing standing = chunks.standing(chunks.read(id));
  const Fate& same = standing.fate;
  Fate other = same.gone ? same.back() : same.left();  // a chunk's members are all in the list, or all gone

  const std::vector<std::uint64_t> known_lines = chunks.lines(standing.chunk);
  std::vector<std::uint64_t> lines = known_lines;
  std::vector<std::uint32_t> stay;
  std::vector<std::uint32_t> leave;
  for (const Amendment& amendment : amendments) {
    if (amendment.gone == 0) lines[amendment.index] = amendment.line;
    ((amendment.gone != 0) == same.gone ? stay : leave).push_back(amendment.index);
  }
  if (lines != known_lines) chunks.set_lines(transaction, id, lines);
  if (leave.empty()) return;

  const auto left = static_cast<std::int64_t>(leave.size());
  if (!same.gone && same.outcome == Outcome::pending) reading.withdrawn += left;
  if (same.gone && other.outcome == Outcome::pending) reading.revived += left;
  std::vector<Piece> pieces;
  if (stay.empty()) {
    pieces.push_back({{}, std::move(other)});
  } else {
    pieces.push_back({stay, picked(same, stay)});
    pieces.push_back({leave, picked(other, leave)});
  }
  // When it changed is when it was read; which run asked last stays as it was.
  chunks.divide(transaction, standing.chunk, pieces, standing.run, now);
}

void amend(Database& database, JobId job, Sorter<Amendment>& amendments, Reading& reading, WallTime now) {
  Chunks chunks(database, job);
  std::vector<Amendment> of_chunk;
  std::vector<std::vector<Amendment>> waiting;
  std::size_t members = 0;  // in them
  const auto write = [&] {
    if (waiting.empty()) return;
    database.write([&](Transaction& transaction) {
      for (const auto& changes : waiting)
        amend_chunk(transaction, chunks, static_cast<ChunkId>(changes[0].chunk), changes, reading, now);
    });
    waiting.clear();
    members = 0;
  };
  const auto finish_chunk = [&] {
    if (of_chunk.empty()) return;
    members += of_chunk.size();
    waiting.push_back(std::move(of_chunk));
    of_chunk = {};
    if (waiting.size() == chunks_a_write || members >= members_a_write) write();
  };
  amendments.drain([&](const Amendment& amendment) {
    if (!of_chunk.empty() && of_chunk.back().chunk != amendment.chunk) finish_chunk();
    of_chunk.push_back(amendment);
  });
  finish_chunk();
  write();
}

Known known_members(Database& database, JobId job, const std::filesystem::path& folder) {
  Known known(folder);
  const Books books = books_of(database, job);
  known.in_list = books.in_list();
  for (const Outcome outcome : {Outcome::pending, Outcome::failed, Outcome::in_doubt})
    known.unsettled += books.in_list_of(outcome);
  return known;
}

// How many calls it takes to ask for the members that would be due: those with the same history are packed together
// (Chunks::repack), the others go out as they are.
class CallCount {
 public:
  CallCount(int chunk_size, const std::filesystem::path& folder)
      : chunk_size_(chunk_size), packed_(folder, groups_in_memory) {}

  void add(std::int64_t course_no, std::int64_t attempts, std::int64_t members) {
    if (course_no != latest_.course_no || attempts != latest_.attempts) {
      packed_.add(std::exchange(latest_, {course_no, attempts, 0}));
    }
    latest_.members += members;
  }
  void add_apart(std::int64_t members) { count(members); }

  // What it all comes to; once.
  void into(Survey& survey) {
    packed_.add(latest_);
    Group group;
    packed_.drain([&](const Group& next) {
      if (group < next) {
        count(group.members);
        group = {next.course_no, next.attempts, 0};
      }
      group.members += next.members;
    });
    count(group.members);
    survey.due = members_;
    survey.calls = calls_;
  }

 private:
  struct Group {
    std::int64_t course_no = 0;
    std::int64_t attempts = 0;
    std::int64_t members = 0;

    bool operator<(const Group& other) const {
      return std::tie(course_no, attempts) < std::tie(other.course_no, other.attempts);
    }
  };
  void count(std::int64_t members) {
    members_ += members;
    calls_ += (members + chunk_size_ - 1) / chunk_size_;
  }

  int chunk_size_;
  Sorter<Group> packed_;  // a list may name as many courses as members
  Group latest_;
  std::int64_t members_ = 0;
  std::int64_t calls_ = 0;
};

// Counts the members that the ledger has and that would be due, after these amendments.
void count_known(Database& database, JobId job, const SurveyTerms& terms, Sorter<Amendment>& amendments, Survey& survey,
                 CallCount& count) {
  struct Change {
    std::int64_t gone = 0;
    std::int64_t back = 0;
  };
  std::map<ChunkId, Change> changes;
  amendments.drain([&](const Amendment& amendment) {
    Change& change = changes[static_cast<ChunkId>(amendment.chunk)];
    ++(amendment.gone != 0 ? change.gone : change.back);
  });
  Statement rows(database, R"sql(
    SELECT chunk_id, course_no, size, outcome, gone, attempts, quiet = 1 OR doubt = 1,
           not_before = 0 AND missing = 0 AND tries = 0, reason,
           chunk_id IN (SELECT call.chunk_id FROM call INDEXED BY call_open WHERE open = 1)
    FROM chunk WHERE job_id = ? AND outcome IN ('pending', 'failed', 'withdrawn', 'in_doubt')
  )sql");
  for (const auto& [chunk, course_no, size, outcome, was_gone, attempts, apart, waits_for_nothing, reason, is_open] :
       rows.rows<ChunkId, std::int64_t, std::int64_t, Outcome, bool, int, bool, bool, Reason, bool>(job)) {
    const auto change = changes.find(chunk);
    const auto gone = change == changes.end() ? 0 : change->second.gone;
    const auto back = change == changes.end() ? 0 : change->second.back;
    bool alone = apart;
    std::int64_t due = 0;
    if (outcome == Outcome::pending) {
      if (survey.reading) survey.reading->withdrawn += gone;
      if (is_open && terms.hold_doubts) continue;
      alone = apart || is_open || !waits_for_nothing;
      due = size - gone;
    } else if (reason == Reason::left_list) {
      if (survey.reading) survey.reading->revived += back;
      due = back;
    } else if (outcome == Outcome::failed && terms.retry_failed) {
      due = was_gone ? back : size - gone;
    }
    if (due == 0) continue;
    if (alone) {
      count.add_apart(due);
    } else {
      count.add(course_no, attempts, due);
    }
  }
}

}  // namespace

Reading take_in(Database& database, JobId job, const ReadSource& read, int chunk_size, const IntakeBrakes& brakes,
                const std::string& fingerprint, WallTime now) {
  Known known = known_members(database, job, database.path().parent_path());
  // From the first change on until the end the job's source counts as not read.
  const auto begin = [&](Transaction& transaction) {
    Statement(transaction, "UPDATE job SET fingerprint = '', half_read = 1 WHERE job_id = ?").run(job);
  };
  // Where a reading may turn out not to be believed, its new members wait until it is.
  const bool may_brake = known.in_list > 0 || brakes.min_rows > 0;
  if (!may_brake) database.write(begin);

  const auto folder = database.path().parent_path();
  CourseNumbers courses(&database, job);
  Packer packer(database, job, courses, static_cast<std::size_t>(chunk_size));
  InvalidRows invalid_rows(database);
  Sorter<Amendment> amendments(folder, entries_in_memory);
  Sorter<Entry> waiting(folder, waiting_in_memory);
  Listener listener;
  listener.course_no = [&](std::string_view course) { return courses.number_of(course); };
  listener.invalid = [&](const IntakeRow& row) { invalid_rows.add(row); };
  listener.added = [&](std::int64_t course_no, const MemberId& id, std::uint64_t line) {
    if (may_brake) {
      waiting.add(entry_of(id, course_no, 0, line));
    } else {
      packer.add(course_no, id, line);
    }
  };
  listener.amended = [&](const Amendment& amendment) { amendments.add(amendment); };
  Reading reading = read_against(&database, job, read, folder, listener, known);
  check_brakes(brakes, reading, known);
  if (may_brake) database.write(begin);
  waiting.drain([&](const Entry& entry) { packer.add(entry.course_no, id_of(entry), entry.origin); });
  packer.write();
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

Survey survey(Database* database, std::optional<JobId> job, const ReadSource& read, const SurveyTerms& terms,
              const std::filesystem::path& folder) {
  Survey survey;
  CallCount count(terms.chunk_size, folder);
  Sorter<Amendment> amendments(folder, entries_in_memory);
  if (read) {
    CourseNumbers courses(database, job);
    Known known(folder);
    if (database && job) known = known_members(*database, *job, folder);
    Listener listener;
    listener.course_no = [&](std::string_view course) { return courses.number_of(course); };
    listener.invalid = [](const IntakeRow&) {};
    listener.added = [&](std::int64_t course_no, const MemberId&, std::uint64_t) { count.add(course_no, 0, 1); };
    listener.amended = [&](const Amendment& amendment) { amendments.add(amendment); };
    survey.reading = read_against(database, job, read, folder, listener, known);
    check_brakes(terms.brakes, *survey.reading, known);
  }
  if (database && job) count_known(*database, *job, terms, amendments, survey, count);
  count.into(survey);
  return survey;
}

bool is_read(Database& database, JobId job, const std::string& fingerprint) {
  if (fingerprint.empty()) return false;
  return Statement(database, "SELECT fingerprint FROM job WHERE job_id = ?").row<std::string>(job) == fingerprint;
}

}  // namespace convoke
