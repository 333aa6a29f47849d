// What docs/ledger.md says is what the ledger has.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/reason.h"
#include "ledger_world.h"
#include "run/runner.h"

using namespace convoke;

namespace {

std::string ledger_page() {
  std::ifstream file(std::string(CONVOKE_SOURCE_DIR) + "/docs/ledger.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("docs/ledger.md explains every reason, with the words of the reports, and what to do") {
  const std::string page = ledger_page();
  for (const ReasonWords& words : reason_words) {
    if (words.reason == Reason::none) continue;
    CAPTURE(words.word);
    CHECK(words_of(words.reason).reason == words.reason);  // the table is in the order of the enumeration
    CHECK(reason_named(words.word) == words.reason);
    CHECK(page.find(fmt::format("| `{}` | {}", words.word, words.meaning)) != std::string::npos);
  }
}

TEST_CASE("docs/ledger.md has every column of the views, every outcome, and every word for what stopped a run") {
  const std::string page = ledger_page();
  LedgerWorld world;
  for (const char* view : {"outcomes", "invalid_rows", "runs", "calls"}) {
    for (const std::string& column : world.rows(fmt::format("SELECT name FROM pragma_table_info('{}')", view))) {
      CAPTURE(column);
      CHECK(page.find(column) != std::string::npos);
    }
  }
  for (const Outcome outcome : all_outcomes)
    CHECK(page.find(fmt::format("| `{}` |", name_of(outcome))) != std::string::npos);
  for (int by = 1; by <= static_cast<int>(StoppedBy::refused_alike); ++by) {
    CAPTURE(by);
    CHECK(page.find(fmt::format("`{}`", name_of(static_cast<StoppedBy>(by)))) != std::string::npos);
  }
}

TEST_CASE("every test that docs/security.md names for a promise is there") {
  const auto text_of = [](const std::string& path) {
    std::ifstream file(std::string(CONVOKE_SOURCE_DIR) + "/" + path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string page = text_of("docs/security.md");
  int promises = 0;
  for (std::size_t row = page.find("| `tests/"); row != std::string::npos; row = page.find("| `tests/", row + 1)) {
    // | `FILE` | `NAME` |
    const std::string line = page.substr(row + 3, page.find('\n', row) - row - 3);
    const std::string file = line.substr(0, line.find('`'));
    const auto name = line.find("| `") + 3;
    const std::string test = line.substr(name, line.find('`', name) - name);
    CAPTURE(file);
    CAPTURE(test);
    const std::string tests = text_of(file);
    const bool is_there =
        tests.find("\"" + test + "\"") != std::string::npos || tests.find("def " + test + "(") != std::string::npos;
    CHECK(is_there);
    ++promises;
  }
  CHECK(promises >= 20);
}
