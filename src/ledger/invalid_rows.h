// The rows of a list that name no member, on their way into the ledger.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/reason.h"
#include "ledger/database.h"

namespace convoke {

struct InvalidRow {
  std::uint64_t line = 0;
  std::string value;  ///< what stood there
  Reason reason = Reason::none;
};

/// The invalid rows of a reading under way, in a temporary table: till it is done, those of the last one stay.
class InvalidRows {
 public:
  explicit InvalidRows(Database& database);

  /// Values that are long are cut. Throws Error disk.
  void add(std::uint64_t line, std::string_view value, Reason reason);

  /// In place of the job's last ones.
  void take_over(Transaction& transaction, JobId job);

 private:
  void insert_waiting(Transaction& transaction);

  Database& database_;
  std::vector<InvalidRow> waiting_;
};

}  // namespace convoke
