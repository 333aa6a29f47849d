#include "source/foreign_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "source/unpacking.h"

namespace convoke {
namespace {

using namespace std::literals;

constexpr std::string_view zip_magic = "PK\x03\x04"sv;
constexpr std::string_view ole_magic = "\xD0\xCF\x11\xE0"sv;  // of Office's older files, and of protected ones

struct Kind {
  std::string_view magic;  ///< how such a file begins
  std::string_view what;
  std::string_view hint;
};

constexpr std::array<Kind, 2> kinds = {{
    {zip_magic, "is a spreadsheet (or another zip file), not CSV",
     "in a job's [source], xlsx = \"…\" in place of csv reads a spreadsheet"},
    {ole_magic, "is an old spreadsheet (.xls, or another file of Office), not CSV",
     "open it in a spreadsheet program, and save it as .xlsx or as CSV (UTF-8)"},
}};

/// The encoding as we call it, or empty. Text of European names has every other byte NUL.
std::string_view utf_16_of(std::string_view head) {
  std::array<std::size_t, 2> nuls{};  // at even places, and at odd ones
  for (std::size_t i = 0; i < head.size(); ++i) nuls[i % 2] += head[i] == '\0' ? 1 : 0;
  const bool are_many = 4 * std::max(nuls[0], nuls[1]) >= head.size();  // half of the places of one kind
  if (head.size() < 4 || !are_many || std::min(nuls[0], nuls[1]) > 0) return "";
  return nuls[0] > 0 ? "utf-16be" : "utf-16le";
}

/// Whether a file of Office's holds a workbook that was encrypted: it has a stream of that name.
bool is_encrypted(InputFile& file) {
  std::string name;
  for (const char c : "EncryptedPackage"sv) name += {c, '\0'};
  constexpr std::size_t block_size = 64UL * 1024;
  constexpr std::size_t looked_at = 256UL << 20;
  std::string block(block_size, '\0');
  // Blocks overlap by the name.
  for (std::size_t at = 0; at < looked_at; at += block_size - name.size()) {
    const std::size_t got = file.read_at(block.data(), block_size, at);
    if (std::string_view(block.data(), got).find(name) != std::string_view::npos) return true;
    if (got < block_size) break;
  }
  return false;
}

}  // namespace

void refuse_foreign(std::string_view head, const std::string& path, const std::string& name) {
  const Packing packing = packing_of(head).value_or(Packing::none);
  if (packing != Packing::none) {
    const std::string_view command = packing == Packing::gzip ? "gzip" : "zstd";
    throw Error(Exit::bad_source, fmt::format("is packed twice ({})", command), name,
                fmt::format("unpack it once: {} -d", command));
  }
  for (const Kind& kind : kinds) {
    if (!head.starts_with(kind.magic)) continue;
    throw Error(Exit::bad_source, std::string(kind.what), name,
                path == "-" && kind.magic == zip_magic ? "a spreadsheet cannot come through standard input: store it"
                                                       : std::string(kind.hint));
  }
  if (const std::string_view encoding = utf_16_of(head); !encoding.empty()) {
    throw Error(
        Exit::bad_source, "is UTF-16 text, not UTF-8", name,
        fmt::format("in [source], encoding = \"{0}\" (without a job file: --set source.encoding={0})", encoding));
  }
  if (head.find('\0') != std::string_view::npos) {
    throw Error(Exit::bad_source, "is not a CSV file: it holds NUL bytes", name,
                "export the list as CSV in UTF-8; another program's own format is not read");
  }
}

Error protected_by_password(const std::string& name) {
  return {Exit::bad_source, "is protected by a password", name,
          "open it in a spreadsheet program, and save it without the password"};
}

void refuse_no_workbook(InputFile& file) {
  std::array<char, 4> bytes{};
  const std::string_view head(bytes.data(), file.read_at(bytes.data(), bytes.size(), 0));
  if (head.starts_with(zip_magic)) return;
  if (!head.starts_with(ole_magic)) {
    throw Error(Exit::bad_source, head.empty() ? "is empty" : "is not an .xlsx spreadsheet", file.name(),
                "if it is CSV: csv = \"…\" in place of xlsx, in [source]");
  }
  if (is_encrypted(file)) throw protected_by_password(file.name());
  throw Error(Exit::bad_source, "is an old spreadsheet (.xls), not .xlsx", file.name(),
              "open it in a spreadsheet program, and save it as .xlsx");
}

}  // namespace convoke
