#include "ledger/export.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "ledger/statement.h"

namespace convoke {
namespace {

constexpr std::size_t piece_size = 64 << 10;

void append_csv(std::string& out, const SQLite::Column& column) {
  if (column.isNull()) return;
  if (column.isInteger()) {
    out += column.getString();
    return;
  }
  const std::string text = column.getString();
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (!formula && text.find_first_of(",;\t\"\r\n") == std::string::npos) {
    out += text;
    return;
  }
  out += '"';
  if (formula) out += '\'';
  for (const char c : text) {
    out += c;
    if (c == '"') out += '"';
  }
  out += '"';
}

void append_json(std::string& out, const SQLite::Column& column) {
  if (column.isNull()) {
    out += "null";
  } else if (column.isInteger()) {
    out += column.getString();
  } else {
    append_json_string(out, column.getString());
  }
}

}  // namespace

void export_outcomes(Database& database, JobId job, const std::vector<Outcome>& outcomes, Gone gone,
                     ExportFormat format, const std::function<void(const std::string&)>& write) {
  database.read([&] {
    std::string wanted;
    for (const Outcome outcome : outcomes)
      wanted += fmt::format("{}'{}'", wanted.empty() ? "" : ", ", name_of(outcome));
    // The columns of `outcomes`, by its own definition; chosen by our keys, which is quicker than by the job's name.
    std::vector<std::string> names;
    Statement columns_of(database, "SELECT name FROM pragma_table_info('outcomes')");
    for (const std::string& name : columns_of.rows<std::string>()) names.push_back(name);
    // (How many there are is not known here, so they are read by number.)
    SQLite::Statement rows(
        database.handle(),
        fmt::format("SELECT {} FROM outcomes_of_chunks WHERE job_id = {}{}{}", fmt::join(names, ", "), job,
                    wanted.empty() ? "" : " AND outcome IN (" + wanted + ")",
                    gone == Gone::with ? "" : " AND (in_list = 1 OR outcome = 'withdrawn')"));
    const int columns = rows.getColumnCount();
    std::string piece;
    if (format == ExportFormat::csv) piece += fmt::format("{}\r\n", fmt::join(names, ","));
    while (rows.executeStep()) {
      for (int i = 0; i < columns; ++i) {
        if (format == ExportFormat::csv) {
          if (i > 0) piece += ',';
          append_csv(piece, rows.getColumn(i));
        } else {
          piece += i > 0 ? "," : "{";
          append_json_string(piece, names[static_cast<std::size_t>(i)]);
          piece += ':';
          append_json(piece, rows.getColumn(i));
        }
      }
      piece += format == ExportFormat::csv ? "\r\n" : "}\n";
      if (piece.size() >= piece_size) {
        write(piece);
        piece.clear();
      }
    }
    write(piece);
  });
}

// By the first column of the view.
bool is_export(std::string_view beginning) {
  return beginning.empty() || beginning.starts_with("job,course_id,") || beginning.starts_with("{\"job\":\"");
}

}  // namespace convoke
