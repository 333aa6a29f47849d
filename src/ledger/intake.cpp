#include "ledger/intake.h"

#include "ledger/amend.h"
#include "ledger/books.h"
#include "ledger/course_numbers.h"
#include "ledger/differences.h"
#include "ledger/invalid_rows.h"
#include "ledger/packer.h"
#include "ledger/statement.h"

namespace convoke {

std::optional<Reading> take_in(Database& database, JobId job, MemberList& list, int chunk_size,
                               const IntakeBrakes& brakes, const std::string& fingerprint, WallTime now) {
  const Books books = books_of(database, job);
  // From here on until the end the job's source counts as not read. Where a reading may turn out not to be believed,
  // only once it is.
  const auto begin = [&] {
    database.write([&](Transaction& transaction) {
      Statement(transaction, "UPDATE job SET fingerprint = '', half_read = 1 WHERE job_id = ?").run(job);
    });
  };
  const bool may_brake = books.in_list() > 0 || brakes.rules.min_rows > 0;
  if (!may_brake) begin();

  const auto folder = database.path().parent_path();
  CourseNumbers courses(&database, job);
  Differences differences(folder, courses);
  differences.add_known(database, job);
  InvalidRows invalid_rows(database);
  while (const auto row = list.next()) {
    differences.add(*row);
    if (const auto* wrong = std::get_if<Reason>(&row->member)) invalid_rows.add(row->line, row->value, *wrong);
  }
  if (list.was_stopped()) return std::nullopt;
  check_brakes(brakes, books, differences, folder);
  if (may_brake) begin();

  Packer packer(database, job, courses, static_cast<std::size_t>(chunk_size));
  Amendments amendments(folder);
  differences.begin();
  while (const auto member = differences.next()) {
    if (member->what == Difference::What::added) {
      packer.add(member->course_no, member->id, member->line);
    } else {
      amendments.add(Amendment::of(*member));
    }
  }
  packer.write();
  Reading reading = differences.reading();
  amend(database, job, amendments, reading, now);

  database.write([&](Transaction& transaction) {
    Statement(transaction, R"sql(
      UPDATE job SET fingerprint = ?, half_read = 0, rows_read = ?, invalid = ?, duplicates = ?, mended = ?
      WHERE job_id = ?
    )sql")
        .run(fingerprint, reading.rows, reading.invalid, reading.duplicates, reading.mended, job);
    invalid_rows.take_over(transaction, job);
  });
  return reading;
}

bool is_read(Database& database, JobId job, const std::string& fingerprint) {
  if (fingerprint.empty()) return false;
  return Statement(database, "SELECT fingerprint FROM job WHERE job_id = ?").row<std::string>(job) == fingerprint;
}

}  // namespace convoke
