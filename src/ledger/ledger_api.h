// Whose ledger it is: the API that it speaks of, or a rehearsal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ledger/database.h"

namespace convoke {

/// The API that the ledger belongs to (schema.sql, `api`).
struct LedgerApi {
  std::optional<std::string> base_url;  ///< empty: no call was made yet
  bool is_rehearsal = false;
};
LedgerApi api_of(Database& database);

/// What a rehearsal's ledger has for an address: its sandbox has another each time.
inline constexpr std::string_view rehearsal_api = "a rehearsal's sandbox";

/// Whether the ledger holds anything that an API said or may yet say of members, a call under way included.
bool has_answers(Database& database);

/// Throws Error(bad_config) if the ledger belongs to another API than the one at `base_url`, or is a rehearsal's. As
/// long as no API has said anything of any member that is to be kept, the address was a mistake, and may be mended.
void check_api(Database& database, const std::string& base_url);

/// From here on, which is the first call, the ledger belongs to the API at `base_url`. Throws as check_api() if another
/// process was quicker with another API.
void belong_to_api(Transaction& transaction, const std::string& base_url);

/// The job as if it were new, on a ledger of a rehearsal; whoever holds the job's lock may. In a transaction of its
/// own. Throws Error(bad_config) if the ledger is no rehearsal's.
void start_rehearsal(Database& database, JobId job);

}  // namespace convoke
