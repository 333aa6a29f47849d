#include "ledger/books.h"

#include <fmt/format.h>

#include <numeric>

#include "ledger/statement.h"

namespace convoke {

std::int64_t Books::all_members() const {
  return std::accumulate(members.begin(), members.end(), -of(Outcome::unknown));
}

std::int64_t Books::all_gone() const {
  return std::accumulate(gone.begin(), gone.end(), unknown() - of(Outcome::unknown));
}

std::int64_t Books::not_invited() const {
  return in_list_of(Outcome::rejected) + in_list_of(Outcome::failed) + in_list_of(Outcome::in_doubt);
}

Books books_of(Database& database, JobId job) {
  Books books;
  Statement reading(database, "SELECT rows_read, invalid, duplicates, mended, half_read FROM job WHERE job_id = ?");
  if (const auto row = reading.row<std::int64_t, std::int64_t, std::int64_t, std::int64_t, bool>(job))
    std::tie(books.rows_read, books.invalid, books.duplicates, books.mended, books.half_read) = *row;
  Statement sums(database, R"sql(
    SELECT outcome, gone, sum(size) FROM chunk INDEXED BY chunk_books WHERE job_id = ? GROUP BY outcome, gone
  )sql");
  for (const auto& [outcome, gone, members] : sums.rows<Outcome, bool, std::int64_t>(job)) {
    const auto index = static_cast<std::size_t>(outcome);
    books.members[index] += members;
    if (gone) books.gone[index] += members;
  }
  return books;
}

Books check_books(Database& database, JobId job) {
  const Books books = books_of(database, job);
  if (!books.half_read && !books.balance()) {
    throw Error(Exit::defect,
                fmt::format("the books do not balance: {} rows read, but {} members in the list + {} duplicates + {} "
                            "unknown addresses + "
                            "{} invalid rows",
                            books.rows_read, books.in_list(), books.duplicates, books.unknown(), books.invalid),
                database.path().string(), "keep the ledger as it is and report this");
  }
  return books;
}

}  // namespace convoke
