#include "source/fingerprint.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "source/input_file.h"
#include "source/text_encoding.h"

namespace convoke {
namespace {

constexpr std::size_t end_size = 64UL * 1024;  // of each end of the file

class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) fail();
  }

  /// Each part with its length, so that no two lists of parts look alike.
  void add(std::string_view part) {
    const std::string length = fmt::format("{}:", part.size());
    update(length);
    update(part);
  }
  void add_number(std::int64_t number) { add(std::to_string(number)); }
  void add_optional(const std::optional<std::string>& part) {
    add(part ? "1" : "0");
    add(part.value_or(""));
  }

  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), &size) != 1) fail();
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };

  void update(std::string_view bytes) {
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) fail();
  }
  [[noreturn]] static void fail() {
    throw Error(Exit::defect, "OpenSSL computes no SHA-256", {}, "see that its configuration allows it");
  }

  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

void add_size_and_time(Hash& hash, const struct stat& status) {
  hash.add_number(std::int64_t{status.st_size});
  hash.add_number(std::int64_t{status.st_mtim.tv_sec});
  hash.add_number(std::int64_t{status.st_mtim.tv_nsec});
}

void add_columns(Hash& hash, const auto& list) {
  hash.add_optional(list.member_column);
  hash.add_optional(list.email_column);
  hash.add_optional(list.target_column);
}

void add_settings(Hash& hash, const CsvSettings& csv) {
  hash.add("csv 3");  // another number when the same bytes come to be read differently
  hash.add(csv.header ? "header" : "numbers");
  hash.add_optional(csv.delimiter ? std::optional(std::string(1, *csv.delimiter)) : std::nullopt);
  add_columns(hash, csv);
  hash.add_number(csv.header_row.value_or(0));
  hash.add(csv.encoding ? name_of(*csv.encoding) : "");
}

void add_settings(Hash& hash, const XlsxSettings& xlsx) {
  hash.add("xlsx 1");
  hash.add_optional(xlsx.sheet);
  hash.add(xlsx.header ? "header" : "numbers");
  hash.add_number(xlsx.header_row.value_or(0));
  add_columns(hash, xlsx);
}

void add_settings(Hash& hash, const SqliteSettings& sqlite) {
  hash.add("sqlite 2");
  hash.add(sqlite.query);
  add_columns(hash, sqlite);
}

void add_ends(Hash& hash, const std::string& path, std::size_t size) {
  InputFile file(path);
  std::vector<char> bytes(end_size);
  hash.add(std::string_view(bytes.data(), file.read_at(bytes.data(), end_size, 0)));
  const std::size_t tail = size > end_size ? size - end_size : 0;
  hash.add(std::string_view(bytes.data(), file.read_at(bytes.data(), end_size, tail)));
}

// The time, say, or chance: then the same file may give other rows the next time.
bool depends_on_more_than_the_file(std::string query) {
  query = lower_case(query);
  constexpr std::array<std::string_view, 10> signs = {"date(",    "time(",   "julianday(",  "strftime(", "unixepoch(",
                                                      "current_", "random(", "randomblob(", "'now'",     "attach"};
  query.erase(std::remove(query.begin(), query.end(), ' '), query.end());
  return std::any_of(signs.begin(), signs.end(),
                     [&](std::string_view sign) { return query.find(sign) != std::string::npos; });
}

}  // namespace

std::string fingerprint_of(const SourceSettings& settings, const std::vector<std::string>& terms) {
  const auto* sqlite = std::get_if<SqliteSettings>(&settings);
  if (sqlite != nullptr && depends_on_more_than_the_file(sqlite->query)) return {};
  const std::string& path = std::visit([](const auto& source) -> const std::string& { return source.path; }, settings);
  if (path == "-" && std::holds_alternative<CsvSettings>(settings)) return {};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw_not_opened(path, errno);
  if (!S_ISREG(status.st_mode)) return {};
  Hash hash;
  std::visit([&](const auto& source) { add_settings(hash, source); }, settings);
  for (const std::string& term : terms) hash.add(term);
  hash.add(std::filesystem::absolute(path).lexically_normal().string());
  hash.add_number(static_cast<std::int64_t>(status.st_ino));
  add_size_and_time(hash, status);
  add_ends(hash, path, static_cast<std::size_t>(status.st_size));
  if (std::holds_alternative<SqliteSettings>(settings)) {
    // In WAL mode a commit may leave the database file itself as it was.
    struct stat log {};
    if (::stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0) add_size_and_time(hash, log);
  }
  return hash.hex();
}

}  // namespace convoke
