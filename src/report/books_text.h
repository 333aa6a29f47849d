// A job's books as `run` and `status` lay them out, with what is not well in them, in words and as JSON.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/troubles.h"
#include "report/json.h"

namespace convoke {

/// Said beside the rows whose id was written otherwise.
inline constexpr std::string_view mended_how = "ids in braces, without dashes, or with invisible characters";

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

/// Members asked for in calls whose process is gone, as a line; empty: there are none.
std::string without_answer_text(std::int64_t members);

/// What is the matter, and what the API, the network or the list had to say to it, of that at most `longest` bytes.
std::string in_words(const Trouble& trouble, std::size_t longest);

/// "for example line 7", where there are more than that one.
std::string where_it_is(const Trouble& trouble);

/// The lines of `outcome` ("rejected", "invalid"), indented: how often each kind of trouble, and one example.
std::string troubles_text(const std::vector<Trouble>& troubles, std::string_view outcome);
std::string troubles_json(const std::vector<Trouble>& troubles);

/// "convoke export NAME --outcome rejected", or how else all members or rows of such an outcome are listed.
std::string listing_command(const std::string& job, const std::string& ledger, std::string_view outcome);

/// Adds "rows_read" to "gone".
void add_rows_and_members(JsonObject& json, const Books& books);
/// Adds "outcomes" and "in_list".
void add_outcomes(JsonObject& json, const Books& books);

}  // namespace convoke
