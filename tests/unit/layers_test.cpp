// Folders include only those before them in the order of the walk (README.md, "How it is built"), and a file is one or
// two screens, a function one: the layout reads like the walk, or this fails.
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

constexpr std::size_t longest_file = 350;
constexpr std::size_t longest_function = 60;

// Still to be rebuilt; nothing else may come to stand here.
const std::vector<std::string> longer_files = {};
const std::vector<std::string> longer_functions = {};

// A function, or a block as far in as one of a class, ends at a line that is its brace alone, and begins at the last
// line before it that is no further in.
std::size_t begin_of(const std::vector<std::string>& lines, std::size_t end) {
  const std::size_t indent = lines[end].find('}');
  std::size_t begin = end;
  while (begin > 0) {
    const std::string& line = lines[--begin];
    const auto at = line.find_first_not_of(' ');
    if (at != std::string::npos && at <= indent && line[at] != '#') break;
  }
  return begin;
}

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
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

TEST_CASE("no file of src is over 350 lines, and no function over 60") {
  const std::filesystem::path src = std::filesystem::path(CONVOKE_SOURCE_DIR) / "src";
  int functions = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(src)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp" && extension != ".sql") continue;
    const std::string name = entry.path().lexically_relative(src).string();
    CAPTURE(name);
    std::vector<std::string> lines;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    CHECK_MESSAGE((lines.size() <= longest_file || is_among(longer_files, name)), lines.size());
    for (std::size_t end = 0; end < lines.size(); ++end) {
      if (lines[end] != "}" && lines[end] != "  }") continue;
      const std::size_t begin = begin_of(lines, end);
      ++functions;
      CHECK_MESSAGE((end - begin < longest_function || is_among(longer_functions, name)), lines[begin]);
    }
  }
  CHECK(functions > 500);
}

TEST_CASE("no test sleeps but those of the wire, whose other end is a real one") {
  const std::filesystem::path tests = std::filesystem::path(CONVOKE_SOURCE_DIR) / "tests";
  for (const char* folder : {"unit", "ledger", "world"}) {
    for (const auto& entry : std::filesystem::directory_iterator(tests / folder)) {
      std::ifstream file(entry.path());
      const std::string text(std::istreambuf_iterator<char>(file), {});
      CAPTURE(entry.path().string());
      CHECK(text.find(std::string("sleep_") + "for") == std::string::npos);
    }
  }
}
