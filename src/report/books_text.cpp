#include "report/books_text.h"

#include "report/numbers.h"

namespace convoke {

std::string BooksView::list_text(BooksRemarks remarks) const {
  std::string text = table_line("rows read", books.rows_read, remarks.rows_read);
  text += table_line("  invalid", books.invalid, remarks.invalid) + troubles_of("invalid");
  text += table_line("  duplicates", books.duplicates);
  if (books.unknown() > 0) {
    text += table_line("  unknown", books.unknown(), "addresses that no spot member has; each run looks them up again");
  }
  if (books.mended > 0) text += table_line("  mended", books.mended, remarks.mended);
  text += table_line("members", books.in_list());
  for (const Outcome outcome : all_outcomes) {
    if (outcome == Outcome::unknown) continue;  // no members, and counted above
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

std::string without_answer_text(std::int64_t members) {
  if (members == 0) return {};
  return table_line("without answer", members, "asked for in calls that convoke did not live to see answered");
}

std::string in_words(const Trouble& trouble, std::size_t longest) {
  const std::string_view meaning = words_of(trouble.reason).meaning;
  // A message that says no more than the reason does is not worth a line's end.
  if (trouble.example.empty() || meaning.starts_with(trouble.example)) return std::string(meaning);
  std::string said = excerpt(trouble.example, longest);
  if (said.starts_with(meaning)) return said;
  if (is_told_by_the_wire(trouble.reason)) return said;
  return trouble.outcome == "invalid" ? fmt::format("{}: \"{}\"", meaning, said) : fmt::format("{}: {}", meaning, said);
}

std::string where_it_is(const Trouble& trouble) {
  return fmt::format("{}line {}", trouble.count == 1 ? "" : "for example ", trouble.source_line);
}

std::string listing_command(const std::string& job, const std::string& ledger, std::string_view outcome) {
  if (outcome == "invalid")
    return fmt::format("sqlite3 -readonly -box {} {}", shell_word(ledger), shell_word(invalid_rows_query(job)));
  return fmt::format("convoke export {} --outcome {} --ledger {}", shell_word(job), outcome, shell_word(ledger));
}

std::string troubles_text(const std::vector<Trouble>& troubles, std::string_view outcome) {
  std::string text;
  for (const Trouble& trouble : troubles) {
    if (trouble.outcome != outcome) continue;
    text += fmt::format("      {} × {} ({})\n", grouped(trouble.count), in_words(trouble, 160), where_it_is(trouble));
  }
  return text;
}

std::string troubles_json(const std::vector<Trouble>& troubles) {
  return json_list(troubles, [](const Trouble& trouble) {
    return JsonObject()
        .add("outcome", trouble.outcome)
        .add("reason", name_of(trouble.reason))
        .add("count", trouble.count)
        .add("source_line", trouble.source_line)
        .add("example", excerpt(trouble.example))
        .text();
  });
}

void add_rows_and_members(JsonObject& json, const Books& books) {
  json.add("rows_read", books.rows_read).add("invalid", books.invalid).add("duplicates", books.duplicates);
  json.add("unknown", books.unknown());
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
