// Where chunks are kept: claims, records, divides and packs them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/target.h"
#include "ledger/chunk.h"
#include "ledger/database.h"
#include "ledger/statement.h"

namespace convoke {

/// Which due chunk is next.
enum class Pick {
  asked_before_first,  ///< the usual: a split ends before the next one starts
  last_of_list         ///< from the other end: what tells of the list as a whole
};

/// What of it is wanted.
struct Wanted {
  bool retries = true;  ///< chunks with tries, too
  bool fresh = true;    ///< what this run has not asked for, too
};

/// How many may go out in one call.
struct Most {
  int members = 0;
  int addresses = 100;
};

/// A chunk with its fate as it stands, and how it came to it.
struct Standing {
  Chunk chunk;
  Fate fate;
  std::optional<RunId> run;            ///< that asked last
  std::optional<WallTime> updated_at;  ///< empty: nothing was ever said of it

  /// The members from `first` on, before `end`, with the fate that they have.
  Piece piece(std::size_t first, std::size_t end) const;
};

/// A member and the line where it stands.
using MemberLine = std::pair<MemberId, std::uint64_t>;

/// The chunks of one job, and what this run has under way of them.
class Chunks {
 public:
  Chunks(Database& database, JobId job);

  /// Goes through the chunks that are due at `now` and not in flight. One at a time, and not beyond the transaction.
  class Due {
   public:
    /// The next one, of at most `most` (a larger one is cut first); empty: there is none. It is in flight, and not
    /// given again, until it is recorded or put back. A target that was never accepted is on trial: while one of its
    /// chunks is in flight, the others are passed over.
    std::optional<Chunk> claim(Most most, Wanted wanted = {});

   private:
    friend class Chunks;
    using Rows = Statement::Rows<ChunkId, std::int64_t>;
    Due(Chunks& chunks, Transaction& transaction, std::optional<Rows> first, Rows rows)
        : chunks_(chunks), transaction_(transaction), first_(std::move(first)), rows_(std::move(rows)) {}
    std::optional<std::tuple<ChunkId, std::int64_t>> next_row();
    Chunks& chunks_;
    Transaction& transaction_;
    std::optional<Rows> first_;
    Rows rows_;
  };
  Due due(Transaction& transaction, LedgerTime now, Pick pick = Pick::asked_before_first);
  void put_back(ChunkId chunk);

  /// The earliest time at which a pending chunk that is not in flight is due; empty: there is none.
  std::optional<LedgerTime> next_due(Wanted wanted = {});

  /// Whether this run has asked for the chunk's members.
  bool is_asked(ChunkId chunk) const { return asked_.contains(chunk); }

  /// How many members this run has asked for that are due again and not in flight, of targets that are not refused.
  std::int64_t asked_and_due() const;

  /// Gives each piece its fate and takes the chunk out of flight. Pieces as for divide(), and returned as there.
  std::vector<ChunkId> record(Transaction& transaction, const Chunk& chunk, const std::vector<Piece>& pieces,
                              std::optional<RunId> run, WallTime now);

  /// Each piece is a chunk of its own from here on, with its fate, which `run` and `now` have brought about: the first
  /// one stays where it is. Returns them in that order. Pieces are disjoint and together are the whole chunk.
  std::vector<ChunkId> divide(Transaction& transaction, const Chunk& chunk, const std::vector<Piece>& pieces,
                              std::optional<RunId> run, std::optional<WallTime> now);

  /// The target was refused: as long as this lives, none of its chunks is claimed or waited for.
  void refuse_target(std::int64_t target_no) { refused_targets_.insert(target_no); }
  /// From here on, as long as this lives, only chunks of these targets are claimed or waited for; empty: of all.
  void ask_only(std::set<std::int64_t> targets) { asked_targets_ = std::move(targets); }
  /// How many members of each refused target stay due.
  std::map<std::int64_t, std::int64_t> due_of_refused_targets();

  /// Whether the API ever accepted a call for the target; and that it did now.
  bool is_accepted(std::int64_t target_no);
  void accept_target(Transaction& transaction, std::int64_t target_no);

  /// Members of these outcomes are due again, as if never asked but for their attempts and that they are to be asked
  /// quietly. Nobody who left the list. Returns how many.
  std::int64_t make_due(Transaction& transaction, const std::vector<Outcome>& outcomes,
                        std::optional<RunId> only_of_run = std::nullopt, Reason only_reason = Reason::none);

  /// A new run gives every due chunk all its attempts anew; those that an earlier one had no answer for come last, so
  /// that whatever is the matter with them keeps nobody else.
  void forget_tries(Transaction& transaction);

  /// Packs the due chunks that wait for nothing anew, as `full` as may be: after a change of the size, or when
  /// there are small ones, so that what is due goes out in as few calls as can be.
  void repack(Transaction& transaction, Most full);

  /// A chunk as it stands.
  Chunk read(ChunkId chunk);
  Standing standing(Chunk chunk);

  /// The source line of each of its members. Throws Error(disk) if these are not as many: somebody's hand was at it.
  std::vector<std::uint64_t> lines(const Chunk& chunk);
  void set_lines(Transaction& transaction, ChunkId chunk, const std::vector<std::uint64_t>& lines);

  /// What is asked next for the chunk's members, who are of the target `target_no`, is another step. Returns the
  /// target's number there.
  std::int64_t move_on(Transaction& transaction, ChunkId chunk, std::int64_t target_no, Step step);

  /// Parts a chunk as divide() does, though nothing was asked, and moves on the pieces that say so. Whether it is in
  /// flight stays as it was.
  std::vector<ChunkId> part(Transaction& transaction, const Chunk& chunk, const std::vector<Piece>& pieces);

  /// Leaves the first members in the chunk, which is returned; the rest is a chunk of its own, the same in all else.
  Chunk cut(Transaction& transaction, const Chunk& chunk, int first_members);

  Target target(std::int64_t target_no);
  /// The same target at another step, which is made if it is not there.
  std::int64_t target_at(Transaction& transaction, std::int64_t target_no, Step step);

  /// Members that came to be known are due at `target_no`: they wait until there are `full` of them to go out with.
  void gather(Transaction& transaction, std::int64_t target_no, std::vector<MemberLine> members, std::size_t full);
  /// Whether addresses are due: to be looked up, or to be made members of.
  bool are_addresses_due();
  /// Nobody is waited for any more: what was gathered is due as it is.
  void end_gathering() { gathering_.clear(); }
  /// Takes a chunk away; the calls for its members keep whom they asked for.
  void remove(Transaction& transaction, ChunkId chunk);

 private:
  // Due at once, and before those who wait to be looked up: it is the next step for some who were.
  static constexpr LedgerTime gathered{Duration(1)};

  // Run for each call, and ready all the time.
  struct Prepared {
    explicit Prepared(Database& database);
    Statement due;
    Statement last_due;
    Statement next_due;
    Statement read;
    Statement lines;
    Statement insert;
    Statement settle;
    Statement shrink;
    Statement keep_asked;
    Statement remove;
    Statement target;
    Statement addresses_due;
    Statement target_at;
  };
  struct Asked {
    std::int64_t target_no = 0;
    std::int64_t size = 0;
  };
  Chunk empty_into(Transaction& transaction, ChunkId id, std::vector<MemberLine>& into);  ///< the chunk that is no more
  bool is_passed_over(ChunkId chunk, std::int64_t target_no) const;
  ChunkId insert(std::int64_t target_no, const std::vector<MemberId>& ids, const std::string& lines, const Fate& fate,
                 std::optional<RunId> run, std::optional<WallTime> now);
  ChunkId insert(std::int64_t target_no, std::span<const MemberLine> members,
                 const Fate& fate);  ///< nobody was asked yet
  struct Waiting {
    ChunkId chunk;
    std::int64_t target_no;
    int attempts;
    LedgerTime not_before;
    int size;
    int full;
    bool is_alike(const Waiting& other) const {
      return target_no == other.target_no && attempts == other.attempts && not_before == other.not_before;
    }
  };
  void repack_alike(Transaction& transaction, std::span<const Waiting> alike, std::size_t chunk_size);
  void join(Transaction& transaction, const std::vector<ChunkId>& small, std::size_t chunk_size);

  Database& database_;
  JobId job_;
  Prepared prepared_;
  std::set<ChunkId> in_flight_;
  std::map<ChunkId, Asked> asked_;            ///< by this run, and due again
  std::map<std::int64_t, ChunkId> on_trial_;  ///< targets never accepted, with their chunk in flight
  std::set<std::int64_t> refused_targets_;
  std::set<std::int64_t> asked_targets_;       ///< empty: all
  std::set<std::int64_t> accepted_targets_;    ///< those known to be
  std::map<std::int64_t, ChunkId> gathering_;  ///< of each target, the chunk that is not full yet
};

/// The `lines` column, `[7,8,12]`, and back; of another text, some numbers or none.
std::string encode_lines(const std::vector<std::uint64_t>& lines);
std::vector<std::uint64_t> decode_lines(std::string_view text);

}  // namespace convoke
