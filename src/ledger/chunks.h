// Where chunks are kept: claims, records and packs them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ledger/chunk.h"
#include "ledger/database.h"

namespace convoke {

/// Which due chunk is next.
enum class Pick {
  asked_before_first,  ///< the usual: a split ends before the next one starts
  last_of_list         ///< from the other end: what tells of the list as a whole
};

/// The chunks of one job. Every function belongs inside a transaction of the database.
class Chunks {
 public:
  Chunks(Database& database, JobId job);

  /// Goes through the chunks that are due at `now` and not in flight. One at a time, and not beyond the transaction.
  class Due {
   public:
    /// The next one, of at most `most_members` (a larger one is cut first); empty: there is none. It is in flight, and
    /// not given again, until it is recorded or put back. `with_retries` false: only chunks with no tries. `with_fresh`
    /// false: only what this run has asked for already. A course that was never accepted is on trial: while one of its
    /// chunks is in flight, the others are passed over.
    std::optional<Chunk> claim(int most_members, bool with_retries, bool with_fresh = true);
    ~Due() { rows_->tryReset(); }
    Due(const Due&) = delete;
    Due& operator=(const Due&) = delete;

   private:
    friend class Chunks;
    Due(Chunks& chunks, LedgerTime now, Pick pick);
    bool next_row();
    Chunks& chunks_;
    LedgerTime now_;
    SQLite::Statement* rows_;
    bool is_from_the_end_;
  };
  Due due(LedgerTime now, Pick pick = Pick::asked_before_first);

  /// The next one alone.
  std::optional<Chunk> claim(LedgerTime now, int most_members, bool with_retries) {
    return due(now).claim(most_members, with_retries);
  }
  void put_back(ChunkId chunk);

  /// The earliest time at which a pending chunk that is not in flight is due; empty: there is none. `with_fresh` as
  /// for claim().
  std::optional<LedgerTime> next_due(bool with_fresh = true);

  /// Whether this run has asked for the chunk's members.
  bool is_asked(ChunkId chunk) const { return asked_.contains(chunk); }

  /// How many members this run has asked for that are due again and not in flight, of courses that are not refused.
  std::int64_t asked_and_due() const;

  /// Gives each piece its fate and takes the chunk out of flight. Pieces are disjoint and together are the whole chunk.
  void record(const Chunk& chunk, const std::vector<Piece>& pieces, std::optional<RunId> run, WallTime now);

  /// The course was refused: as long as this lives, none of its chunks is claimed or waited for.
  void refuse_course(std::int64_t course_no) { refused_courses_.insert(course_no); }
  /// How many members of each refused course stay due.
  std::map<std::int64_t, std::int64_t> due_of_refused_courses();

  /// Whether the API ever accepted a call for the course; and that it did now.
  bool is_accepted(std::int64_t course_no);
  void accept_course(std::int64_t course_no);

  /// Members of these outcomes are due again, as if never asked but for their attempts and that they are to be asked
  /// quietly. Nobody who left the list. Returns how many.
  std::int64_t make_due(const std::vector<Outcome>& outcomes, std::optional<RunId> only_of_run = std::nullopt,
                        Reason only_reason = Reason::none);

  /// A new run gives every due chunk all its attempts anew; those that an earlier one had no answer for come last, so
  /// that whatever is the matter with them keeps nobody else.
  void forget_tries();

  /// Packs the due chunks that wait for nothing anew, `chunk_size` members each: after a change of the size, or when
  /// there are small ones, so that what is due goes out in as few calls as can be.
  void repack(int chunk_size);

  /// A chunk as it stands.
  Chunk read(ChunkId chunk);

  /// The source line of each of its members. Throws Error(disk) if these are not as many: somebody's hand was at it.
  std::vector<std::uint64_t> lines(const Chunk& chunk);

  /// The course's name, as the API knows it.
  std::string course(std::int64_t course_no);

 private:
  struct Waiting {
    ChunkId chunk;
    std::int64_t course_no;
    int attempts;
    int size;
    bool is_alike(const Waiting& other) const { return course_no == other.course_no && attempts == other.attempts; }
  };
  void repack(const std::vector<Waiting>& group, int chunk_size);
  Chunk cut(Chunk chunk, int first_members);
  void shrink(ChunkId chunk, const std::vector<MemberId>& ids, const std::string& lines);
  void keep_whom_calls_asked(ChunkId chunk);
  ChunkId insert(std::int64_t course_no, const std::vector<MemberId>& ids, const std::string& lines, const Fate& fate,
                 std::optional<RunId> run, std::optional<WallTime> now);

  Database& database_;
  JobId job_;
  bool is_passed_over(ChunkId chunk, std::int64_t course_no) const;

  struct Asked {
    std::int64_t course_no = 0;
    std::int64_t size = 0;
  };
  std::set<ChunkId> in_flight_;
  std::map<ChunkId, Asked> asked_;            ///< by this run, and due again
  std::map<std::int64_t, ChunkId> on_trial_;  ///< courses never accepted, with their chunk in flight
  std::set<std::int64_t> refused_courses_;
  std::set<std::int64_t> accepted_courses_;  ///< those known to be
  SQLite::Statement due_;
  SQLite::Statement last_due_;
  SQLite::Statement next_due_;
  SQLite::Statement read_;
  SQLite::Statement lines_;
  SQLite::Statement insert_;
  SQLite::Statement keep_asked_;
  SQLite::Statement shrink_;
  SQLite::Statement settle_;
  SQLite::Statement course_;
  SQLite::Statement accepted_;
};

/// `ids` as the ledger keeps them, and back.
void bind_ids(SQLite::Statement& statement, int index, const std::vector<MemberId>& ids);
std::vector<MemberId> ids_of(const SQLite::Column& column);

/// The `lines` column, `[7,8,12]`, and back; of another text, some numbers or none.
std::string encode_lines(const std::vector<std::uint64_t>& lines);
std::vector<std::uint64_t> decode_lines(std::string_view text);

}  // namespace convoke
