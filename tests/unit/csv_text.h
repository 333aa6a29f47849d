// A list given as text, for tables of expectations.
#pragma once

#include <string>
#include <vector>

#include "source_rows.h"
#include "temp_folder.h"

namespace convoke {

inline Rows rows_of_text(const std::string& text, CsvSettings settings = {}) {
  const TempFolder folder;
  settings.path = folder.write("list.csv", text);
  if (settings.member_column == usual_member_column) settings.member_column = "id";
  return rows_of(settings);
}

inline std::string error_of_text(const std::string& text, const CsvSettings& settings = {}) {
  return error_of([&] { rows_of_text(text, settings); });
}

}  // namespace convoke
