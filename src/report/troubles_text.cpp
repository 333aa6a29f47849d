#include "report/troubles_text.h"

#include <fmt/format.h>

#include "report/json.h"
#include "report/numbers.h"

namespace convoke {

std::string in_words(const Trouble& trouble, std::size_t longest) {
  const std::string_view meaning = words_of(trouble.reason).meaning;
  // A message that says no more than the reason does is not worth a line's end.
  if (trouble.example.empty() || meaning.starts_with(trouble.example)) return std::string(meaning);
  std::string said = excerpt(trouble.example, longest);
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

}  // namespace convoke
