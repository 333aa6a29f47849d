// The view `outcomes`, row by row, for spreadsheets and scripts.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "ledger/database.h"

namespace convoke {

enum class ExportFormat { csv, jsonl };
enum class Gone { without, with };

/// Writes the job's members of these outcomes (empty: all), those who left the list only if asked for, with the columns
/// of the view, in one snapshot and in pieces of some 64 KiB. CSV is RFC 4180 with a header. A text that a spreadsheet
/// would take for a formula is led by an apostrophe (CSV only): what an API or a list says must not run there.
void export_outcomes(Database& database, JobId job, const std::vector<Outcome>& outcomes, Gone gone,
                     ExportFormat format, const std::function<void(const std::string&)>& write);

/// Whether a file that begins like this is an export, or empty: one may take its place.
bool is_export(std::string_view beginning);

}  // namespace convoke
