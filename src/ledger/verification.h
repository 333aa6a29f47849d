// The ledger held against those who take part, as the API lists them (Pages): who is there as the ledger says, who has
// changed, who is not there, and who is there and not in the list. What was seen is written into the ledger.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/chunks.h"
#include "ledger/member_entry.h"
#include "ledger/pages.h"
#include "ledger/sorter.h"

namespace convoke {

/// What became clear of one member.
struct Seen {
  enum class Is {
    as_known,  ///< in the ledger and there, and the status is the same, or was not known before
    changed,   ///< another status
    settled,   ///< there, and the ledger did not call it invited until now
    absent,    ///< in the list and invited, says the ledger, and not there
    extra      ///< there, and neither in the list nor invited by the ledger
  };
  Is is = Is::as_known;
  std::string_view course;
  MemberId member;
  std::string_view before;  ///< changed: the status; settled: the outcome
  std::string_view now;     ///< the status
};

/// What a list of participants came to.
struct CourseSeen {
  std::string course;
  std::optional<std::int64_t> total;  ///< as the API counts them; empty: it does not say
  std::int64_t participants = 0;      ///< different ones on its pages
  bool is_sure = false;               ///< these are all there are, and none moved while they were read
  int passes = 0;                     ///< how often they were read, and
  WallTime since{};                   ///< from when on, the last time
  std::int64_t unreadable = 0;        ///< entries that name nobody
  std::int64_t foreign = 0;           ///< entries of another course
  std::int64_t as_known = 0, changed = 0, settled = 0, extra = 0;  ///< of them, which are all of them
  std::int64_t absent = 0;
  std::int64_t not_invited = 0;  ///< in the list, and not there: neither does the ledger call them invited
  std::map<std::string, std::int64_t> statuses;  ///< of those in the ledger who are there
};

/// All of them together: sure if each is, read since the first of them began.
CourseSeen sum_of(const std::vector<CourseSeen>& courses);

class Verification {
 public:
  using Tell = std::function<void(const Seen&)>;

  /// Of these lists, all of them read by `now`. Takes in what is known and what was read. Temporary files go to
  /// `folder`; the chunks must outlive this.
  Verification(Database& database, JobId job, Chunks& chunks, std::vector<CourseListing> listings,
               const std::filesystem::path& folder, WallTime now);

  /// Those that may not be whole, and were not read three times yet.
  std::vector<CourseListing> unsure() const;

  /// Writes what was seen into the ledger, and tells of each member. Memory does not grow with the list.
  std::vector<CourseSeen> write(Transaction& transaction, const Tell& tell);

 private:
  // Where in the ledger a member stands, and where it was seen; 0: nowhere.
  struct Place {
    ChunkId chunk = 0;
    std::int64_t index = 0;
    std::int64_t row = 0;
    bool operator<(const Place& other) const {
      return chunk != other.chunk ? chunk < other.chunk : index < other.index;
    }
  };
  struct Listing : CourseListing {
    std::int64_t different_in_pass = 0;
    std::int64_t different = 0;
  };
  using ByTarget = std::map<std::int64_t, Listing>;

  using CoursesSeen = std::map<std::int64_t, CourseSeen>;  // likewise
  struct Held;

  void count();
  template <class Take>
  void merge(Take take);
  bool is_sure(const Listing& listing) const;
  void write_chunk(Transaction& transaction, const std::vector<Place>& members, const Tell& tell, CoursesSeen& seen);
  static void tell_of(Held& held, CourseSeen& course, const Tell& tell);
  void write_held(Transaction& transaction, const Held& held);

  Database& database_;
  Chunks& chunks_;
  ByTarget listings_;  // by the target where members are invited
  std::filesystem::path folder_;
  WallTime now_;
  Sorter<MemberEntry> entries_;
  Statement said_;
  Statement open_calls_;
};

}  // namespace convoke
