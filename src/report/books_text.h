// A job's books as `run` and `status` lay them out, and as JSON.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/troubles.h"
#include "report/json.h"

namespace convoke {

/// What is said beside the numbers; empty: nothing.
struct BooksRemarks {
  std::string rows_read;
  std::string invalid;
  std::string mended;
  std::array<std::string, all_outcomes.size()> outcomes{};

  std::string& of(Outcome outcome) { return outcomes[static_cast<std::size_t>(outcome)]; }
};

/// The books of one job, with what is not well in them. What it is made of must outlive it.
struct BooksView {
  const Books& books;
  const std::vector<Trouble>& troubles;
  const std::string& job;
  const std::string& ledger;  ///< its path

  /// The rows and members of the list. An outcome has a line if it has members or a remark, and `invited` always.
  std::string list_text(BooksRemarks remarks) const;
  /// Who left the list; empty: nobody.
  std::string gone_text() const;

 private:
  std::string troubles_of(std::string_view outcome) const;
};

/// Adds "rows_read" to "gone".
void add_rows_and_members(JsonObject& json, const Books& books);
/// Adds "outcomes" and "in_list".
void add_outcomes(JsonObject& json, const Books& books);

}  // namespace convoke
