// The CSV reader, against libcsv alone: our own splitting of whole lines without quotes, and the feeding line by line,
// must see the same records as libcsv does in one piece.
#include <csv.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/blanks.h"
#include "base/error.h"
#include "fuzz.h"
#include "source/csv_source.h"
#include "source/first_line.h"
#include "source/text_encoding.h"
#include "source/unpacking.h"

using namespace convoke;
using namespace convoke::fuzz;

namespace {

using Row = std::array<std::string, 3>;  // the first fields
using Rows = std::vector<Row>;

struct Record {
  Rows rows;
  std::vector<std::string> fields;
};

void on_field(void* text, std::size_t size, void* record) {
  static_cast<Record*>(record)->fields.emplace_back(static_cast<const char*>(text), size);
}

void on_record(int, void* self) {
  auto& record = *static_cast<Record*>(self);
  bool is_row = false;
  for (const std::string& field : record.fields) is_row = is_row || !trim_blanks(field).empty();
  record.fields.resize(3);
  const auto field = [&](std::size_t i) { return std::string(trim_blanks(record.fields[i])); };
  if (is_row) record.rows.push_back({field(0), field(1), field(2)});
  record.fields.clear();
}

// Nothing: the text is refused.
std::optional<Rows> by_libcsv(std::string_view text, char delimiter) {
  csv_parser parser;
  csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
  csv_set_delim(&parser, static_cast<unsigned char>(delimiter));
  Record record;
  const bool is_good = csv_parse(&parser, text.data(), text.size(), on_field, on_record, &record) == text.size() &&
                       csv_fini(&parser, on_field, on_record, &record) == 0;
  csv_free(&parser);
  if (!is_good) return std::nullopt;
  return record.rows;
}

// A pipe that gives the text in pieces: what the reader takes for blocks. (A whole block is 256 KiB.)
class Pieces {
 public:
  Pieces(std::string_view text, std::size_t piece) {
    int ends[2];
    require(::pipe2(ends, O_DIRECT | O_CLOEXEC) == 0, "a pipe");
    pipe_ = ends[0];
    piece = std::max(piece, text.size() / 15 + 1);  // a pipe has room for sixteen
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
      require(::write(ends[1], text.data(), std::min(piece, text.size())) > 0, "room in a pipe");
    ::close(ends[1]);
  }
  ~Pieces() { ::close(pipe_); }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(pipe_); }

 private:
  int pipe_ = -1;
};

std::optional<Rows> by_us(CsvSource& source) {
  Rows rows;
  std::uint64_t line = 0;
  try {
    while (const auto row = source.next()) {
      require(row->line > line, "rows stand on lines that ascend");
      line = row->line;
      rows.push_back({std::string(row->member), std::string(row->target), std::string(row->email)});
    }
  } catch (const Error& error) {
    require(error.exit() == Exit::bad_source, "a list that is not CSV is a bad source");
    return std::nullopt;
  }
  return rows;
}

}  // namespace

// The first byte says how to read; with 0x80 the second says in what pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t how = input.byte();
  const std::size_t piece = (how & 0x80) != 0 ? 1 + input.byte() : 0;
  const std::string_view text = input.rest().substr(0, 32768);
  std::optional<MemoryFile> file;
  std::optional<Pieces> pieces;
  CsvSettings settings;
  settings.path = piece > 0 ? pieces.emplace(text, piece).path() : file.emplace(text).path();
  settings.header = (how & 4) != 0;
  if ((how & 8) == 0) settings.delimiter = ",;\t|"[how % 4];
  if (!settings.header) {
    settings.member_column = "1";
    settings.target_column = "2";
    settings.email_column = "3";
  }
  std::optional<CsvSource> source;
  try {
    source.emplace(settings);
  } catch (const Error& error) {
    require(error.exit() == Exit::bad_source, "a list that is not CSV is a bad source");
    return 0;
  }
  const auto ours = by_us(*source);

  std::string_view rest = text;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  // Headers and sep= lines are ours alone, and what is packed or in another encoding is another list.
  if (packing_of(text).value_or(Packing::none) != Packing::none ||
      byte_order_mark_of(text).value_or(ByteOrderMark{}).encoding.value_or(Encoding::utf_8) != Encoding::utf_8)
    return 0;
  if (settings.header || !settings.delimiter || delimiter_of_sep_line(first_line(rest))) return 0;
  require(ours == by_libcsv(rest, *settings.delimiter), "our reader and libcsv see the same");
  return 0;
}
