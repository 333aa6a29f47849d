#include "source/foreign_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"

namespace convoke {
namespace {

using namespace std::literals;

struct Kind {
  std::string_view magic;  ///< how such a file begins
  std::string_view what;
  std::string_view unpack;  ///< the command that writes it out as text; empty: only its own program can
};

constexpr std::array<Kind, 4> kinds = {{
    {"\x1F\x8B"sv, "is compressed (gzip), not CSV as it is", "gzip -dc"},
    {"\x28\xB5\x2F\xFD"sv, "is compressed (zstd), not CSV as it is", "zstd -dc"},
    {"PK\x03\x04"sv, "is a spreadsheet (or another zip file), not CSV", ""},
    {"\xD0\xCF\x11\xE0"sv, "is an old spreadsheet (.xls, or another file of Office), not CSV", ""},
}};

std::string unpack_hint(std::string_view command, const std::string& path) {
  if (path == "-") return fmt::format("… | {} | convoke run --csv - …", command);
  return fmt::format("{} {} | convoke run --csv - …", command, shell_word(path));
}

/// The encoding as iconv calls it, or empty. Text of European names has every other byte NUL.
std::string_view utf_16_of(std::string_view head) {
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) return "UTF-16";
  std::array<std::size_t, 2> nuls{};  // at even places, and at odd ones
  for (std::size_t i = 0; i < head.size(); ++i) nuls[i % 2] += head[i] == '\0' ? 1 : 0;
  const bool are_many = 4 * std::max(nuls[0], nuls[1]) >= head.size();  // half of the places of one kind
  if (head.size() < 4 || !are_many || std::min(nuls[0], nuls[1]) > 0) return "";
  return nuls[0] > 0 ? "UTF-16BE" : "UTF-16LE";
}

std::string convert_hint(std::string_view encoding, const std::string& path) {
  const std::string command = fmt::format("iconv -f {} -t UTF-8", encoding);
  if (path == "-") return unpack_hint(command, path);
  const std::string stem = path.ends_with(".csv") ? path.substr(0, path.size() - 4) : path;
  return fmt::format("{} {} > {}", command, shell_word(path), shell_word(stem + ".utf8.csv"));
}

}  // namespace

void refuse_foreign(std::string_view head, const std::string& path, const std::string& name) {
  for (const Kind& kind : kinds) {
    if (!head.starts_with(kind.magic)) continue;
    throw Error(Exit::bad_source, std::string(kind.what), name,
                kind.unpack.empty() ? "open it in a spreadsheet program, and save it as CSV (UTF-8)"
                                    : unpack_hint(kind.unpack, path));
  }
  if (const std::string_view encoding = utf_16_of(head); !encoding.empty()) {
    throw Error(Exit::bad_source, "is UTF-16 text, not UTF-8", name, convert_hint(encoding, path));
  }
  if (head.find('\0') != std::string_view::npos) {
    throw Error(Exit::bad_source, "is not a CSV file: it holds NUL bytes", name,
                "export the list as CSV in UTF-8; another program's own format is not read");
  }
}

}  // namespace convoke
