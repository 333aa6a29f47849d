// A list held against what the ledger knows. Both are sorted together by target and member, so that duplicates, new
// members and those that are gone stand side by side, in memory that does not grow with the list.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/member_id.h"
#include "ledger/address_book.h"
#include "ledger/database.h"
#include "ledger/member_entry.h"
#include "ledger/sorter.h"
#include "ledger/target_numbers.h"
#include "source/row_check.h"

namespace convoke {

/// What a reading came to. Each row is one of: a member's first, a duplicate, invalid.
struct Reading {
  std::int64_t rows = 0;
  std::int64_t invalid = 0;
  std::int64_t duplicates = 0;
  std::int64_t mended = 0;     ///< of the valid rows, those whose id was written otherwise
  std::int64_t addresses = 0;  ///< of the valid rows, those with an address,
  std::int64_t known = 0;      ///< of these, those whose member the ledger knows
  std::int64_t members = 0;    ///< different ones in the source
  std::int64_t added = 0;      ///< of them, those the ledger did not know
  std::int64_t revived = 0;    ///< of them, those that were withdrawn and are due again
  std::int64_t gone = 0;       ///< known from before and not in this source
  std::int64_t withdrawn = 0;  ///< of them, those that were due until now
};

/// What the list says of one member of one target.
struct Difference {
  enum class What {
    added,   ///< the ledger does not know it
    listed,  ///< it is known and in the list, maybe on another line, maybe after it was gone
    gone     ///< it is known and not in the list
  };
  What what = What::added;
  std::int64_t target_no = 0;  ///< of TargetNumbers
  MemberId id;
  std::uint64_t line = 0;      ///< where it stands first; unless it is gone
  ChunkId chunk = 0;           ///< of one who is known: where, and
  std::uint32_t index = 0;     ///< in what place there, and
  bool was_unsettled = false;  ///< in the list until now, and pending, failed or in doubt, or
  bool was_gone = false;       ///< not in the list as it was read last
  bool is_address = false;     ///< `id` is the key of an address: who has it is not known
};

class Differences {
 public:
  /// Temporary files go to `folder`. `targets` and `book` must outlive this.
  Differences(const std::filesystem::path& folder, TargetNumbers& targets, AddressBook& book);

  /// Whom the ledger has for the job; before begin().
  void add_known(Database& database, JobId job);
  /// A row of the list, which may be invalid: then it is counted; before begin(). Returns whether it holds an address
  /// whose member is not known.
  bool add(const CheckedRow& row);

  /// How many addresses, of those whose members are not known, go into one look-up, as they are: as many as the API
  /// takes, and as fit into a target.
  int look_up_size() const;

  /// Once all was added, and again if one likes: next() begins with the first.
  void begin();
  /// Each member once, by target and id; nothing: that was the last. Throws Error disk, and defect if the ledger has
  /// one twice.
  std::optional<Difference> next();

  /// Of the rows, what was added so far; of the members, what next() has given since begin(). What is withdrawn and
  /// revived is for others to say.
  const Reading& reading() const { return reading_; }

 private:
  // Of a row its line; of who is known where in the chunk, with these.
  using Entry = MemberEntry;
  static constexpr std::uint32_t unsettled_bit = std::uint32_t{1} << 31U;
  static constexpr std::uint32_t gone_bit = std::uint32_t{1} << 30U;
  static constexpr std::uint32_t address_bit = std::uint32_t{1} << 29U;

  void add(std::int64_t target_no, const MemberId& id, std::uint32_t index, std::uint64_t origin);

  std::int64_t number_of(std::string_view target, Step step);

  TargetNumbers& targets_;
  AddressBook& book_;
  std::string target_;                                        // of the last row, and
  std::array<std::int64_t, step_names.size()> target_nos_{};  // its numbers, by step; 0: not asked for
  Sorter<Entry> entries_;
  const Entry* next_ = nullptr;  // the first of the next member; null: there is none
  Reading reading_;
  std::size_t unknown_size_ = 0;  // in a query, of the addresses whose members are not known
};

}  // namespace convoke
