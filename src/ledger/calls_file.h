// A file beside the ledger (`NAME-calls`) with how many calls the ledger has begun. A ledger that is put back from a
// backup comes without the latest calls, and the file stays: so it is seen how many were forgotten that may still count
// in the limits. A copy comes without the file.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ledger_time.h"
#include "ledger/ledger_file.h"

namespace convoke {

/// Which ledger, how many calls it has begun in its life, and when the latest.
struct CallsBegun {
  std::string ledger_id;  ///< 32 hexadecimal digits
  std::int64_t calls = 0;
  WallTime latest{};
};

/// What a ledger does not know of the calls that were made on it, as its limits have to take it.
struct ForgottenCalls {
  std::int64_t calls = 0;                   ///< that the file knows of and the ledger does not: it was restored
  LedgerTime counted_until{};               ///< until when the latest that the file knows of may come to be counted
  std::optional<LedgerTime> unknown_until;  ///< it was copied, and until then it is not known what is used
};
/// By the file beside it; `unanswered`: how long after it was claimed a call may still be counted. That a copy does not
/// know matters only while any call that it does know of still counts: an older copy is as good as a new ledger.
ForgottenCalls forgotten_calls(const CallsBegun& ledger, const std::optional<CallsBegun>& file, LedgerTime now,
                               WallTime wall, Duration unanswered);

/// What the file beside `ledger` says, for who only reads; empty as CallsFile::read(), or if it cannot be read. To be
/// read before the ledger is: a call is noted there once it is committed here.
std::optional<CallsBegun> look_at_calls(const LedgerFile& ledger);

/// To be read and written within write transactions of the ledger: its lock is what makes processes take turns.
class CallsFile {
 public:
  /// Opens the ledger's file; makes it (for its owner only) if there is none. Throws Error(disk), and what
  /// LedgerFile::check_beside() throws.
  explicit CallsFile(const LedgerFile& ledger);
  CallsFile(const CallsFile&) = delete;
  CallsFile& operator=(const CallsFile&) = delete;
  ~CallsFile();

  /// Empty: it is new, or holds something else. Throws Error(disk), as the others.
  std::optional<CallsBegun> read();

  /// Whether it holds something that cannot be read.
  bool is_damaged();

  /// Takes it for this ledger, whatever it held, and sees to it that it outlives a power cut.
  void begin(const CallsBegun& begun);

  /// Writes down that so many were begun. To be done once the calls are committed, and before they are sent. It is not
  /// synced: a power cut takes the ledger's file along to no earlier state, and the ledger has its own count on disk,
  /// so nothing is forgotten that the file would have to tell.
  void note(const CallsBegun& begun);

 private:
  void write(const CallsBegun& begun);

  std::string path_;
  int file_;
};

}  // namespace convoke
