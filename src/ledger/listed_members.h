// Who stands in a job's books, found by id: in a temporary file, which costs no write to the ledger.
#pragma once

#include <cstdint>

#include "base/member_id.h"
#include "ledger/statement.h"

namespace convoke {

/// How a member stands in the books.
enum class Presence {
  absent,
  listed,
  gone  ///< it has left the list
};

class ListedMembers {
 public:
  ListedMembers();

  /// How the member stands; one who is absent is added with `as`.
  Presence add(std::int64_t target_no, const MemberId& member, Presence as);
  /// It is in the list again.
  void bring_back(std::int64_t target_no, const MemberId& member);

 private:
  SQLite::Database table_;  // a file without a name, gone with the process
  Statement add_;
  Statement find_;
  Statement bring_back_;
};

}  // namespace convoke
