// Reading a whole source into a line of text per row, and what an Error said, for tables of expectations.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "source/member_source.h"

namespace convoke {

using Rows = std::vector<std::string>;

/// "LINE member", or "LINE member / email @ target" if the row has those.
inline Rows rows_of(const SourceSettings& settings) {
  Rows rows;
  const auto source = open_source(settings);
  while (const auto row = source->next()) {
    rows.push_back(std::to_string(row->line) + " " + std::string(row->member) +
                   (row->email.empty() ? "" : " / " + std::string(row->email)) +
                   (row->target.empty() ? "" : " @ " + std::string(row->target)));
  }
  return rows;
}

/// "EXIT where: what | hint" of the Error that `act` throws; "no error" otherwise.
template <class Act>
std::string error_of(Act act) {
  try {
    act();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.exit())) + " " + error.what() + " | " + error.hint();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace convoke
