// What docs/ledger.md says is what the ledger has, and what documents name is there.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include <fmt/format.h>

#include "base/reason.h"
#include "ledger/ledger_world.h"
#include "run/runner.h"

using namespace convoke;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(std::string(CONVOKE_SOURCE_DIR) + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string ledger_page() {
  return text_of("docs/ledger.md");
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

TEST_CASE("every test that a page of docs/ names for a promise is there") {
  for (const std::string page : {"docs/security.md", "docs/invariants.md"}) {
    const std::string text = text_of(page);
    int promises = 0;
    for (std::size_t row = text.find("| `tests/"); row != std::string::npos; row = text.find("| `tests/", row + 1)) {
      // | `FILE` | `NAME` |
      const std::string line = text.substr(row + 3, text.find('\n', row) - row - 3);
      const std::string file = line.substr(0, line.find('`'));
      const auto name = line.find("| `") + 3;
      const std::string test = line.substr(name, line.find('`', name) - name);
      CAPTURE(page);
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
}

TEST_CASE("every document that is named in a comment, a script or another document is in the tree") {
  namespace fs = std::filesystem;
  const fs::path root = CONVOKE_SOURCE_DIR;
  std::vector<fs::path> places = {root};
  for (const char* folder : {"src", "tests", "scripts", "docs"}) {
    places.push_back(root / folder);
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.is_directory() && entry.path().string().find("/corpus") == std::string::npos)
        places.push_back(entry.path());
    }
  }
  const std::regex name(R"([A-Za-z0-9_./-]*[A-Za-z0-9_-]+\.md\b)");
  int named = 0;
  for (const fs::path& place : places) {
    for (const auto& entry : fs::directory_iterator(place)) {
      if (!entry.is_regular_file()) continue;
      const std::string text = text_of(entry.path().lexically_relative(root).string());
      for (std::sregex_iterator found(text.begin(), text.end(), name), end; found != end; ++found) {
        const std::string document = found->str();
        if (document.ends_with("table.md")) continue;  // scripts/bench makes it
        CAPTURE(entry.path().string());
        CAPTURE(document);
        const bool is_there =
            fs::exists(root / document) || fs::exists(place / document) || fs::exists(root / "docs" / document);
        CHECK(is_there);
        ++named;
      }
    }
  }
  CHECK(named > 20);
}
