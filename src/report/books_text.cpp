#include "report/books_text.h"

#include "report/numbers.h"
#include "report/troubles_text.h"

namespace convoke {

std::string BooksView::list_text(BooksRemarks remarks) const {
  std::string text = table_line("rows read", books.rows_read, remarks.rows_read);
  text += table_line("  invalid", books.invalid, remarks.invalid) + troubles_of("invalid");
  text += table_line("  duplicates", books.duplicates);
  if (books.mended > 0) text += table_line("  mended", books.mended, remarks.mended);
  text += table_line("members", books.in_list());
  for (const Outcome outcome : all_outcomes) {
    const std::string& remark = remarks.of(outcome);
    if (books.in_list_of(outcome) == 0 && remark.empty() && outcome != Outcome::invited) continue;
    text += table_line(fmt::format("  {}", name_of(outcome)), books.in_list_of(outcome), remark);
    text += troubles_of(name_of(outcome));
  }
  return text;
}

std::string BooksView::gone_text() const {
  if (books.all_gone() == 0) return {};
  std::string text = table_line("left the list", books.all_gone(), "known from before, not in the list now");
  if (const auto withdrawn = books.of(Outcome::withdrawn); withdrawn > 0) text += table_line("  withdrawn", withdrawn);
  return text + troubles_of("withdrawn");
}

std::string BooksView::troubles_of(std::string_view outcome) const {
  const std::string lines = troubles_text(troubles, outcome);
  if (lines.empty()) return {};
  return lines + fmt::format("      all of them: {}\n", listing_command(job, ledger, outcome));
}

void add_rows_and_members(JsonObject& json, const Books& books) {
  json.add("rows_read", books.rows_read).add("invalid", books.invalid).add("duplicates", books.duplicates);
  json.add("mended", books.mended).add("members", books.all_members()).add("gone", books.all_gone());
}

void add_outcomes(JsonObject& json, const Books& books) {
  JsonObject all;
  JsonObject in_list;
  for (const Outcome outcome : all_outcomes) {
    all.add(name_of(outcome), books.of(outcome));
    in_list.add(name_of(outcome), books.in_list_of(outcome));
  }
  json.add("outcomes", all).add("in_list", in_list);
}

}  // namespace convoke
