#include "ledger/troubles.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "base/member_id.h"
#include "base/outcome.h"
#include "ledger/statement.h"

namespace convoke {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_in_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

std::string without_ids(std::string_view message) {
  std::string text;
  for (std::size_t at = 0; at < message.size();) {
    if (MemberId::parse(message.substr(at, MemberId::text_size))) {
      text += '#';
      at += MemberId::text_size;
    } else {
      // A word with a digit in it is a number, an id, a trace: it tells nothing of the kind of trouble.
      const auto end = std::find_if_not(message.begin() + static_cast<std::ptrdiff_t>(at), message.end(), is_in_word);
      const std::string_view word = message.substr(at, static_cast<std::size_t>(end - message.begin()) - at);
      at += std::max<std::size_t>(word.size(), 1);
      if (word.empty()) {
        text += message[at - 1];
      } else if (std::any_of(word.begin(), word.end(), is_digit)) {
        if (!text.ends_with('#')) text += '#';
      } else {
        text += word;
      }
    }
  }
  return text;
}

std::vector<Trouble> troubles_of(Database& database, JobId job, std::size_t most) {
  std::map<std::tuple<std::string, Reason, std::string>, Trouble> found;
  const auto add = [&](const std::string& outcome, Reason reason, const std::string& example, std::int64_t count,
                       std::int64_t line) {
    // What stands in an invalid row tells rows apart, not kinds of trouble.
    const std::string words = outcome == "invalid" ? std::string() : without_ids(example);
    Trouble& trouble = found[{outcome, reason, words}];
    if (trouble.count == 0) trouble = {outcome, reason, words, 0, example, line};
    trouble.count += count;
  };
  const std::array outcomes = {Outcome::rejected, Outcome::failed, Outcome::in_doubt, Outcome::withdrawn};
  Statement members(database, R"sql(
    SELECT reason, error, sum(size), json_extract(min(lines), '$[0]') FROM chunk
    WHERE job_id = ?1 AND outcome = ?2 AND gone = (?2 = 'withdrawn') GROUP BY 1, 2
  )sql");
  for (const Outcome outcome : outcomes) {
    for (const auto& [reason, error, count, line] :
         members.rows<Reason, std::string, std::int64_t, std::int64_t>(job, outcome))
      add(std::string(name_of(outcome)), reason, error, count, line);
  }
  Statement invalid(database, "SELECT reason, value, count(*), min(line) FROM invalid_row WHERE job_id = ? GROUP BY 1");
  for (const auto& [reason, value, count, line] : invalid.rows<Reason, std::string, std::int64_t, std::int64_t>(job))
    add("invalid", reason, value, count, line);

  std::vector<Trouble> troubles;
  troubles.reserve(found.size());
  for (auto& [key, trouble] : found) troubles.push_back(std::move(trouble));
  const auto place = [&](const Trouble& trouble) {
    return std::find_if(outcomes.begin(), outcomes.end(),
                        [&](Outcome outcome) { return name_of(outcome) == trouble.outcome; });
  };
  std::stable_sort(troubles.begin(), troubles.end(), [&](const Trouble& one, const Trouble& other) {
    return place(one) != place(other) ? place(one) < place(other) : one.count > other.count;
  });
  std::map<std::string, std::size_t> kept;
  std::erase_if(troubles, [&](const Trouble& trouble) { return ++kept[trouble.outcome] > most; });
  return troubles;
}

std::string invalid_rows_query(const std::string& job) {
  std::string quoted;
  for (const char c : job) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return "SELECT source_line, value, reason FROM invalid_rows WHERE job = '" + quoted + "'";
}

}  // namespace convoke
