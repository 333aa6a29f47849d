#include "source/cell_format.h"

#include <doctest/doctest.h>

#include <vector>

using namespace convoke;

TEST_CASE("a number format shows a date, a time or a number") {
  struct Case {
    std::string format;
    CellKind kind;
  };
  const std::vector<Case> cases = {
      {"yyyy-mm-dd", CellKind::date},
      {"[$-407]d/ mmmm yyyy;@", CellKind::date},
      {"dd\\.mm\\.yy\\ hh:mm", CellKind::date},
      {"mmm", CellKind::date},
      {"[$-F400]h:mm:ss\\ AM/PM", CellKind::time},
      {"mm:ss.0", CellKind::time},
      {"[h]:mm", CellKind::number},
      {"[mm]:ss", CellKind::number},
      {"[Red]0.00", CellKind::number},
      {"General", CellKind::number},
      {"@", CellKind::number},
      {"0", CellKind::number},
      {"#,##0.00\\ \"days\"", CellKind::number},
      {"0\" h\"", CellKind::number},
      {"0.0_);[Red]yyyy", CellKind::number},
      {"0.00E+00", CellKind::number},
      {"_d0*s", CellKind::number},
      {"[", CellKind::number},
      {"\"open", CellKind::number},
      {"\\", CellKind::number},
      {"", CellKind::number},
  };
  for (const Case& one : cases) {
    CAPTURE(one.format);
    CHECK(kind_of_format(one.format) == one.kind);
  }
}

TEST_CASE("a number is its shortest text") {
  struct Case {
    std::string value, text;
  };
  const std::vector<Case> cases = {
      {"12345", "12345"},
      {"12345.0", "12345"},
      {"0", "0"},
      {"-0.0", "0"},
      {"007", "7"},
      {"-17.50", "-17.5"},
      {"0.10000000000000001", "0.1"},
      {"4.3999999999999998E-2", "0.044"},
      {"100000", "100000"},
      {"1E5", "100000"},
      {"4.9176123456789E+11", "491761234567.89"},
      {"12345678901234567890", "12345678901234567168"},
      {"1E+300", "1e+300"},
      {"1.5E-12", "1.5e-12"},
      {"1E+999", "1E+999"},
      {"nan", "nan"},
      {"abc", "abc"},
      {"", ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.value);
    CHECK(number_text(one.value, CellKind::number, false) == one.text);
  }
}

TEST_CASE("what XML cannot hold stands in a text by its number") {
  struct Case {
    std::string stored, shown;
  };
  const std::vector<Case> cases = {
      {"plain", "plain"},
      {"a_x000D_\nb", "a\r\nb"},
      {"_x005F_x000D_", "_x000D_"},
      {"_x00e4__x20AC_", "ä€"},
      {"_x000D", "_x000D"},
      {"_x00G0_", "_x00G0_"},
      {"_x0000_", "_x0000_"},
      {"_xD800_", "_xD800_"},
      {"_x_x0041_", "_xA"},
      {"_x-041_", "_x-041_"},
      {"ann_x@example.org", "ann_x@example.org"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.stored);
    std::string text = one.stored;
    unescape_text(text);
    CHECK(text == one.shown);
  }
}

TEST_CASE("a date is ISO 8601, in both of the systems that spreadsheets count days by") {
  struct Case {
    std::string value;
    CellKind kind;
    bool from_1904;
    std::string text;
  };
  const auto date = CellKind::date;
  const auto time = CellKind::time;
  const std::vector<Case> cases = {
      {"1", date, false, "1900-01-01"},
      {"59", date, false, "1900-02-28"},
      {"60", date, false, "1900-02-29"},  // which was none: Excel's own
      {"61", date, false, "1900-03-01"},
      {"46082", date, false, "2026-03-01"},
      {"46082.5", date, false, "2026-03-01T12:00:00"},
      {"46082.999999", date, false, "2026-03-02"},  // to the second
      {"46082.25", time, false, "2026-03-01T06:00:00"},
      {"2958465", date, false, "9999-12-31"},
      {"2958466", date, false, "2958466"},
      {"1e300", date, false, "1e+300"},
      {"-1", date, false, "-1"},
      {"0", date, false, "00:00:00"},
      {"0.75", date, false, "18:00:00"},
      {"0.75", time, true, "18:00:00"},
      {"0", date, true, "1904-01-01"},
      {"0.75", date, true, "1904-01-01T18:00:00"},
      {"44620", date, true, "2026-03-01"},
      {"2957003", date, true, "9999-12-31"},
      {"2957004", date, true, "2957004"},
      {"text", date, false, "text"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.value);
    CAPTURE(one.from_1904);
    CHECK(number_text(one.value, one.kind, one.from_1904) == one.text);
  }
}
