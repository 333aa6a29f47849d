#include "ledger/books.h"

#include <fmt/format.h>

#include <numeric>

namespace convoke {

std::int64_t Books::all_members() const {
  return std::accumulate(members.begin(), members.end(), std::int64_t{0});
}

std::int64_t Books::all_gone() const {
  return std::accumulate(gone.begin(), gone.end(), std::int64_t{0});
}

std::int64_t Books::not_invited() const {
  return in_list_of(Outcome::rejected) + in_list_of(Outcome::failed) + in_list_of(Outcome::in_doubt);
}

Books books_of(Database& database, JobId job) {
  Books books;
  SQLite::Statement reading(database.handle(),
                            "SELECT rows_read, invalid, duplicates, mended, half_read FROM job WHERE job_id = ?");
  reading.bind(1, job);
  if (reading.executeStep()) {
    books.rows_read = reading.getColumn(0).getInt64();
    books.invalid = reading.getColumn(1).getInt64();
    books.duplicates = reading.getColumn(2).getInt64();
    books.mended = reading.getColumn(3).getInt64();
    books.half_read = reading.getColumn(4).getInt() != 0;
  }
  SQLite::Statement sums(
      database.handle(),
      "SELECT outcome, gone, sum(size) FROM chunk INDEXED BY chunk_books WHERE job_id = ? GROUP BY outcome, gone");
  sums.bind(1, job);
  while (sums.executeStep()) {
    const auto outcome = outcome_named(sums.getColumn(0).getString());
    if (!outcome) throw damaged_ledger(database, "an outcome in it is none");
    const auto index = static_cast<std::size_t>(*outcome);
    books.members[index] += sums.getColumn(2).getInt64();
    if (sums.getColumn(1).getInt() != 0) books.gone[index] += sums.getColumn(2).getInt64();
  }
  return books;
}

Books check_books(Database& database, JobId job) {
  const Books books = books_of(database, job);
  if (!books.half_read && !books.balance()) {
    throw Error(
        Exit::defect,
        fmt::format(
            "the books do not balance: {} rows read, but {} members in the list + {} duplicates + {} invalid rows",
            books.rows_read, books.in_list(), books.duplicates, books.invalid),
        database.path().string(), "keep the ledger as it is and report this");
  }
  return books;
}

}  // namespace convoke
