// Folders include only those before them in the order of the walk (README.md, "How it is built"): the layout reads like
// it, or this fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace {

const std::vector<std::string> order = {"base", "source",  "ledger", "api",    "net",
                                        "run",  "sandbox", "job",    "report", "cli"};

std::size_t place_of(const std::string& folder) {
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), folder) - order.begin());
}

}  // namespace

TEST_CASE("each folder of src includes only itself and those before it") {
  const std::filesystem::path src = std::filesystem::path(CONVOKE_SOURCE_DIR) / "src";
  std::map<std::string, int> files;
  int includes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(src)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp") continue;
    const auto relative = entry.path().lexically_relative(src);
    if (relative == "main.cpp") continue;  // the program itself, over all of them
    const std::string folder = relative.begin()->string();
    CAPTURE(relative.string());
    REQUIRE(place_of(folder) < order.size());
    ++files[folder];
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("#include \"")) continue;
      const std::string included = line.substr(10, line.find('"', 10) - 10);
      const auto slash = included.find('/');
      if (slash == std::string::npos) {
        // Made by the build; nothing of ours stands without its folder.
        CAPTURE(included);
        CHECK((included == "ledger_schema.h" || included == "commit.h"));
        continue;
      }
      ++includes;
      CAPTURE(included);
      CHECK(std::filesystem::exists(src / included));
      CHECK(place_of(included.substr(0, slash)) <= place_of(folder));
    }
  }
  CHECK(files.size() == order.size());
  CHECK(includes > 100);
}

TEST_CASE("SQLite and SQL stand where lists and ledgers are read, and nowhere else") {
  const std::filesystem::path src = std::filesystem::path(CONVOKE_SOURCE_DIR) / "src";
  const std::vector<std::string> theirs = {"SQLite::", "SQLiteCpp/", "sqlite3.h", "SELECT ",
                                           "INSERT ",  "UPDATE ",    "DELETE ",   "PRAGMA "};
  const std::string exception = "job/job.cpp";  // it says how the operator's own query is written in a job file
  for (const auto& entry : std::filesystem::recursive_directory_iterator(src)) {
    const auto extension = entry.path().extension();
    const std::string path = entry.path().lexically_relative(src).string();
    if ((extension != ".h" && extension != ".cpp") || path.starts_with("source/") || path.starts_with("ledger/") ||
        path == exception)
      continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      for (const std::string& word : theirs) {
        CAPTURE(path);
        CAPTURE(line);
        CHECK(line.find(word) == std::string::npos);
      }
    }
  }
}

TEST_CASE("no file of src is left out of the build") {
  const std::filesystem::path root = CONVOKE_SOURCE_DIR;
  std::ifstream file(root / "CMakeLists.txt");
  const std::string build(std::istreambuf_iterator<char>(file), {});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "src")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string path = entry.path().lexically_relative(root).string();
    CAPTURE(path);
    CHECK(build.find(path) != std::string::npos);
  }
}
