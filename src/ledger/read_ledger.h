// That a ledger cannot be read is said with its name, also where it is read outside of transactions.
#pragma once

#include <filesystem>

#include "ledger/database.h"

namespace convoke {

/// Does `work` on the ledger at `path`, and gives what it gives. What SQLite throws there leaves as an Error that names
/// the ledger; all else as it is.
template <class Work>
auto at_ledger(const std::filesystem::path& path, Work&& work) {
  try {
    return work();
  } catch (const SQLite::Exception& exception) {
    throw reading_error(exception, path);
  }
}

/// The same with the ledger opened to read (Database::open_to_read()), as `look` gets it.
template <class Look>
auto read_ledger(const std::filesystem::path& path, Look&& look) {
  return at_ledger(path, [&] {
    Database database = Database::open_to_read(path);
    return look(database);
  });
}

}  // namespace convoke
