// The addresses of one job on their way to members: what to ask for while a run is on, and who they turn out to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/address_book.h"
#include "ledger/address_texts.h"
#include "ledger/chunks.h"
#include "ledger/listed_members.h"

namespace convoke {

/// The addresses themselves stand in temporary files alone: who is to be looked up by another process is read from the
/// list again.
class Resolution {
 public:
  /// References must outlive this.
  Resolution(Database& database, JobId job, Chunks& chunks);

  AddressBook& book() { return book_; }

  /// Before the list is read: what earlier runs and other jobs came to know is taken over, and who was to be made is
  /// looked up first.
  void begin(std::size_t full);
  /// An address that is to be looked up, and the line where it stands.
  void add(std::uint64_t line, std::string_view address);
  /// After the list was read: what was added is there to be asked for, `look_up_size` in one call.
  void end_reading(int look_up_size);
  /// How many addresses go into one call, if all is as it was when the list was read.
  int look_up_size() const { return look_up_size_; }

  /// The addresses of a chunk, in the order of its ids. Throws Error(defect) if one was not added.
  std::vector<std::string> addresses(const Chunk& chunk);

  /// Of a chunk in flight, what is still to be asked: without those whose members came to be known meanwhile, who are
  /// settled. And before members are made, without those of whom another call may have made them, whose ever it was:
  /// they are looked up once more, at `later`, and for as long as that call may be under way (it was sent after
  /// `since`). Empty: nobody.
  std::optional<Chunk> still_to_ask(Transaction& transaction, Chunk chunk, WallTime since, LedgerTime later,
                                    std::size_t full);

  /// The members that the addresses of `chunk` turned out to be: they stand in the job's books in place of these, each
  /// once, and are due in chunks of `full`. Where a row's member is in the list already, the row is a duplicate.
  void settle(Transaction& transaction, ChunkId chunk, const std::vector<MemberId>& members, std::size_t full);

 private:
  std::vector<MemberId> maybe_made(Transaction& transaction, const Chunk& chunk, WallTime since);
  std::optional<Chunk> sift(Transaction& transaction, Chunk chunk, WallTime since, LedgerTime later, std::size_t full);
  void take_over_known(Transaction& transaction, std::size_t full);
  void look_up_first(Transaction& transaction);
  void know_the_list();
  void bring_back(Transaction& transaction, std::int64_t target_no, std::vector<MemberLine> back,
                  std::vector<MemberLine>& fresh);

  Database& database_;
  JobId job_;
  Chunks& chunks_;
  AddressBook book_;
  int look_up_size_;
  std::optional<AddressTexts> texts_;    // of the reading under way, or the latest
  std::optional<ListedMembers> listed_;  // empty: not looked at yet
};

}  // namespace convoke
