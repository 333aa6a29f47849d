// What the ledger knows of itself (schema.sql, `identity`), to be held against the file beside it.
#pragma once

#include "ledger/calls_file.h"
#include "ledger/database.h"

namespace convoke {

/// Its id, empty before its first run; how many calls were ever begun; when the latest was.
CallsBegun calls_begun(Database& database);

/// From here on it goes by this id and number.
void keep_calls_begun(Transaction& transaction, const CallsBegun& begun);

/// So many more calls were begun. Returns how many that makes.
std::int64_t count_calls_begun(Transaction& transaction, std::int64_t calls);

}  // namespace convoke
