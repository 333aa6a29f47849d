// Workbooks: whatever a file holds, its rows are read, in ascending order, or it is refused with a message.
#include <zlib.h>

#include <vector>

#include "base/error.h"
#include "fuzz.h"
#include "source/xlsx_source.h"

using namespace convoke;
using namespace convoke::fuzz;

namespace {

void add(std::string& out, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xFF);
}

/// A zip file whose parts are stored, so that what is changed in them is what is read.
std::string zip_of(const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string file;
  std::string directory;
  for (const auto& [name, text] : parts) {
    std::string about;
    add(about, 0, 8);  // flags, method, time
    add(about, ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())), 4);
    add(about, text.size(), 4);
    add(about, text.size(), 4);
    add(about, name.size(), 2);
    add(about, 0, 2);
    directory += "PK\x01\x02";
    add(directory, 20, 2);
    add(directory, 20, 2);
    directory += about;
    directory.append(10, '\0');  // no comment, no disks, no attributes
    add(directory, file.size(), 4);
    directory += name;
    file += "PK\x03\x04";
    add(file, 20, 2);
    file.append(about).append(name).append(text);
  }
  const std::size_t begin = file.size();
  file += directory + "PK\x05\x06";
  add(file, 0, 4);
  add(file, parts.size(), 2);
  add(file, parts.size(), 2);
  add(file, directory.size(), 4);
  add(file, begin, 4);
  add(file, 0, 2);
  return file;
}

/// Where only the sheet, the texts, the formats and the sheets' names are the fuzzer's, each behind a NUL.
std::string workbook_of(std::string_view text) {
  std::vector<std::string> given(4);
  for (std::string& one : given) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const auto relation = [](const char* id, const char* type, const char* target) {
    return std::string("<Relationship Id=\"") + id + "\" Type=\"t/" + type + "\" Target=\"" + target + "\"/>";
  };
  return zip_of({{"_rels/.rels", "<r>" + relation("1", "officeDocument", "xl/workbook.xml") + "</r>"},
                 {"xl/_rels/workbook.xml.rels", "<r>" + relation("1", "worksheet", "sheet.xml") +
                                                    relation("2", "sharedStrings", "strings.xml") +
                                                    relation("3", "styles", "styles.xml") + "</r>"},
                 {"xl/workbook.xml", given[3].empty() ? "<w><sheet name=\"a\" id=\"1\"/></w>" : given[3]},
                 {"xl/sheet.xml", given[0]},
                 {"xl/strings.xml", given[1]},
                 {"xl/styles.xml", given[2]}});
}

}  // namespace

// The first byte says how to read; with 0x80 the rest is the file itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t how = input.byte();
  const MemoryFile file((how & 0x80) != 0 ? std::string(input.rest()) : workbook_of(input.rest()));
  XlsxSettings settings;
  settings.path = file.path();
  settings.header = (how & 1) != 0;
  if ((how & 3) == 3) settings.header_row = 1 + (how >> 2U & 7U);
  settings.member_column = settings.header ? "id" : "1";
  if ((how & 0x20) != 0) settings.email_column = settings.header ? "e" : "3";
  if ((how & 0x40) != 0) settings.target_column = settings.header ? "c" : "2";
  try {
    XlsxSource source(settings);
    std::uint64_t row = 0;
    while (const auto found = source.next()) {
      require(found->line > row, "rows ascend");
      row = found->line;
      require(found->member.size() <= longest_value && found->target.size() <= longest_value &&
                  found->email.size() <= longest_value,
              "a value has a limit");
      const auto share = source.share_read();
      require(share && *share >= 0 && *share <= 1, "how much is read is a share");
    }
  } catch (const Error& error) {
    require(error.exit() == Exit::bad_source, "a workbook that is wrong is a bad source");
    require(is_printable(error.what()) && is_printable(error.hint()), "a message is printable");
  }
  return 0;
}
