// Values of which reports are made in tests, by hand.
#pragma once

#include <string>
#include <vector>

#include "report/books_text.h"
#include "report/outlook_text.h"

namespace convoke {

inline const WallTime noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + std::chrono::hours(12)};

/// 1,204 rows: 3 invalid, one a duplicate; of 1,200 members 1,150 are invited, 40 due, 10 rejected. One left the list.
inline Books some_books() {
  Books books;
  books.rows_read = 1204;
  books.invalid = 3;
  books.duplicates = 1;
  books.mended = 2;
  books.members = {40, 1150, 0, 10, 0, 0, 1};
  books.gone = {0, 0, 0, 0, 0, 0, 1};
  return books;
}

inline std::vector<Trouble> some_troubles() {
  return {{"rejected", Reason::refused, "unknown member", 10, "unknown member", 17},
          {"withdrawn", Reason::left_list, "", 1, "", 9},
          {"invalid", Reason::not_an_id, "", 3, "n/a\x1b[1m", 4}};
}

inline Forecast some_forecast() {
  using namespace std::chrono_literals;
  return {250ms, 26h + 30min, {50'000, 1234}};
}

inline LimitsNow some_limits() {
  using namespace std::chrono_literals;
  return {{{{100, 10s}, 100, 0, 0s}, {{50'000, 24h}, 1234, 48'766, 0s}}, noon + 10s, noon, 0};
}

inline LimitsNow unknown_limits() {
  using namespace std::chrono_literals;
  return {{{{100, 10s}, 0, 0, 90s}, {{50'000, 24h}, 0, 0, 24h}}, {}, noon, 0};
}

}  // namespace convoke
