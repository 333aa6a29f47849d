// A ledger in a folder of its own, with one job to read lists into.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/chunks.h"
#include "ledger/clock_bridge.h"
#include "ledger/intake.h"
#include "ledger/jobs.h"
#include "ledger/ledger_api.h"
#include "ledger/run_log.h"
#include "ledger/troubles.h"
#include "made_rows.h"
#include "members.h"
#include "source_rows.h"
#include "temp_folder.h"

namespace convoke {

/// A clock that stands until it is told to move.
class StillClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override { return wall_; }
  std::string boot_id() const override { return boot_; }

  Instant now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::seconds(1'700'000'000)};
  std::string boot_ = "boot-1";
};

/// One row of a list: a member of a course, or a value that is none.
struct ListRow {
  std::uint64_t member = 0;  ///< 0: an invalid row
  std::string course = "c1";
};

/// A list whose first row stands on line 2.
inline MadeRows source_of(const std::vector<ListRow>& rows) {
  std::vector<MadeRow> made;
  for (const ListRow& row : rows)
    made.push_back({made.size() + 2, row.member == 0 ? "n/a" : member(row.member).text(), row.course});
  return MadeRows(std::move(made));
}

inline const IntakeBrakes anything_goes{{}, true, "list.csv"};

struct LedgerWorld {
  TempFolder folder;
  std::string path = folder.file("ledger.db");
  Database database = Database::open(path, Durability::process);
  JobId job = job_id(database, "news");

  /// Reads the list.
  Reading take(const std::vector<ListRow>& rows, int chunk_size = 100, const std::string& fingerprint = "f",
               const IntakeBrakes& brakes = anything_goes) {
    return take_made(source_of(rows), chunk_size, fingerprint, brakes);
  }
  Reading take_made(MadeRows source, int chunk_size = 100, const std::string& fingerprint = "f",
                    const IntakeBrakes& brakes = anything_goes) {
    MemberList list(source, {});
    Chunks chunks(database, job);
    Resolution resolution(database, job, chunks);
    return take_in(database, job, list, resolution, chunk_size, brakes, fingerprint, WallTime{}).value();
  }

  /// Members 1 to `count` of one course.
  Reading take_members(std::uint64_t count, int chunk_size = 100) {
    std::vector<ListRow> rows;
    for (std::uint64_t i = 1; i <= count; ++i) rows.push_back({i});
    return take(rows, chunk_size);
  }

  /// The rows of a query, values joined by '|', NULL as "-".
  std::vector<std::string> rows(const std::string& sql) {
    std::vector<std::string> out;
    SQLite::Statement query(database.handle(), sql);
    while (query.executeStep()) {
      std::string row;
      for (int i = 0; i < query.getColumnCount(); ++i)
        row += (i > 0 ? "|" : "") + (query.getColumn(i).isNull() ? "-" : query.getColumn(i).getString());
      out.push_back(std::move(row));
    }
    return out;
  }
};

inline std::string describe(const Reading& reading) {
  return fmt::format("{} rows, {} invalid, {} duplicates, {} members, {} added, {} revived, {} gone, {} withdrawn",
                     reading.rows, reading.invalid, reading.duplicates, reading.members, reading.added, reading.revived,
                     reading.gone, reading.withdrawn);
}

inline Rows outcomes_of(LedgerWorld& world) {
  return world.rows(
      "SELECT substr(spot_member_id, 33) || '@' || course_id || ' ' || outcome || ' line ' || source_line FROM "
      "outcomes "
      "ORDER BY course_id, spot_member_id");
}

/// Every member of the ledger is settled or due exactly once, and the books say so.
inline void check_all(LedgerWorld& world) {
  check_books(world.database, world.job);
  CHECK(world.rows("SELECT count(*) FROM (SELECT 1 FROM outcomes GROUP BY job, course_id, spot_member_id HAVING "
                   "count(*) > 1)") == Rows{"0"});
  CHECK(world.rows("SELECT count(*) FROM chunk WHERE length(ids) <> size * 16 OR json_array_length(lines) <> size") ==
        Rows{"0"});
}

}  // namespace convoke
