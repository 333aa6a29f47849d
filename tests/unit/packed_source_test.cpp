// Lists that are packed, by gzip or zstd, and lists in other encodings than UTF-8: the same rows on the same lines.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "csv_text.h"
#include "packed_text.h"
#include "source/csv_source.h"

using namespace convoke;

namespace {

std::string long_list(int rows) {
  std::string text = "id,name\n";
  for (int i = 0; i < rows; ++i) text += fmt::format("member-{},Name {}\n", i, i % 1000 * 919 % 1000);
  return text;
}

std::string utf_16(std::u16string_view text, bool is_little) {
  std::string out;
  for (const char16_t c : text) {
    const auto low = static_cast<char>(c & 0xFFU);
    const auto high = static_cast<char>(c >> 8U);
    out += is_little ? std::string{low, high} : std::string{high, low};
  }
  return out;
}

}  // namespace

TEST_CASE("a list that is packed is read as what it unpacks to") {
  const std::string text = "id,name\na,Ann\n\nb,\"x\ny\"\nc,C\n";
  const Rows rows = {"2 a", "4 b", "6 c"};
  CHECK(rows_of_text(gzip(text)) == rows);
  CHECK(rows_of_text(zstd(text)) == rows);
  const std::string longer = long_list(100'000);
  const Rows longer_rows = rows_of_text(longer);
  CHECK(rows_of_text(gzip(longer)) == longer_rows);
  CHECK(rows_of_text(zstd(longer)) == longer_rows);
  CHECK(rows_of_text(gzip("\xEF\xBB\xBFid;x\r\na;1\r\n")) == Rows{"2 a"});
  CHECK(contains(error_of_text(gzip("")), "list.csv: is empty: it has no header row"));
}

TEST_CASE("several members or frames in one file are read to the end") {
  const std::string text = long_list(1000);
  const Rows rows = rows_of_text(text);
  for (const std::size_t at : {std::size_t{0}, std::size_t{2}, text.size() / 2, text.size()}) {
    CAPTURE(at);
    CHECK(rows_of_text(gzip(text.substr(0, at)) + gzip(text.substr(at))) == rows);
    CHECK(rows_of_text(zstd(text.substr(0, at)) + zstd(text.substr(at))) == rows);
  }
}

TEST_CASE("what is cut off or damaged at any place is an error, and no smaller list") {
  const std::string text = long_list(300);
  struct Packed {
    std::string bytes, name;
  };
  for (const auto& packed : {Packed{gzip(text), "gzip"}, Packed{zstd(text), "zstd"}}) {
    CAPTURE(packed.name);
    for (std::size_t size = packed.bytes.size() - 1; size > 4; size = size * 9 / 10) {
      CAPTURE(size);
      const std::string error = error_of_text(packed.bytes.substr(0, size));
      CHECK(error.starts_with("65 "));
      CHECK(contains(error, fmt::format("list.csv: is cut off: its {} data has no end", packed.name)));
    }
    std::string damaged = packed.bytes;
    damaged[packed.bytes.size() - 3] = static_cast<char>(damaged[packed.bytes.size() - 3] ^ 0x55);  // its checksum
    CHECK(contains(error_of_text(damaged), fmt::format("list.csv: is damaged ({}: ", packed.name)));
    CHECK(contains(error_of_text(packed.bytes + "tail"), fmt::format("list.csv: is damaged ({}: ", packed.name)));
    CHECK(contains(error_of_text(packed.bytes + packed.bytes.substr(0, packed.bytes.size() / 2)), "is cut off"));
  }
}

TEST_CASE("what unpacks to far more than a list is refused, and what takes much memory to unpack") {
  // Its rows are blank, as far as anybody would read them.
  std::string blank;
  while (blank.size() < 64UL << 20U) blank += std::string(4095, ' ') + '\n';
  const std::string block = gzip(blank);
  std::string bomb = gzip("id\n");
  for (int i = 0; i < 9; ++i) bomb += block;
  CHECK(contains(error_of_text(bomb),
                 "list.csv: unpacks to more than 512 MiB, 200 bytes and more for one: that is no list"));
  CHECK(
      contains(error_of_text(zstd(long_list(10), 27)), "takes more memory to unpack than is given to a list (32 MiB)"));
  CHECK(rows_of_text(zstd(long_list(10), 25)).size() == 10);
}

TEST_CASE("a list is told to be packed by its bytes, whatever it is called, and as they come") {
  const TempFolder folder;
  const std::string path = folder.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const std::string packed = gzip("id\na\n");
  auto reading =
      std::async(std::launch::async, [&] { return rows_of(CsvSettings{.path = path, .member_column = "id"}); });
  const int writer = ::open(path.c_str(), O_WRONLY);
  for (const char c : packed) REQUIRE(::write(writer, &c, 1) == 1);
  ::close(writer);
  CHECK(reading.get() == Rows{"2 a"});
  // What merely begins as a packed file does is what it is.
  CHECK(contains(error_of_text("\x1F"), "there is no column"));
  CHECK(contains(error_of_text(gzip(gzip("id\n"))), "is packed twice (gzip)"));
}

TEST_CASE("how much of a packed list is read is told by the bytes of the file") {
  const TempFolder folder;
  const std::string packed = gzip(long_list(500'000));
  const auto source = open_source(CsvSettings{.path = folder.write("list.csv.gz", packed), .member_column = "id"});
  CHECK(*source->share_read() < 0.1);
  for (int i = 0; i < 250'000; ++i) source->next();
  CHECK(*source->share_read() == doctest::Approx(0.5).epsilon(0.1));
  while (source->next()) {
  }
  CHECK(source->share_read() == 1.0);
}

TEST_CASE("a list in UTF-16 is told by its byte order mark, or by the settings") {
  const std::u16string text = u"id,name\r\nä€😀,Ann\r\n\r\nb,\"x\ny\"\n";
  const Rows rows = {"2 ä€😀", "4 b"};
  for (const bool is_little : {true, false}) {
    const auto encoding = is_little ? Encoding::utf_16le : Encoding::utf_16be;
    CHECK(rows_of_text(utf_16(u"\uFEFF" + text, is_little)) == rows);
    CHECK(rows_of_text(utf_16(u"\uFEFF" + text, is_little), {.encoding = encoding}) == rows);
    CHECK(rows_of_text(utf_16(text, is_little), {.encoding = encoding}) == rows);
    CHECK(rows_of_text(gzip(utf_16(u"\uFEFF" + text, is_little))) == rows);
  }
  CHECK(rows_of_text("\xEF\xBB\xBFid\na\n", {.encoding = Encoding::utf_8}) == Rows{"2 a"});
  CHECK(contains(error_of_text(utf_16(u"\uFEFFid\n", true), {.encoding = Encoding::windows_1252}),
                 "list.csv: begins with the byte order mark of utf-16le, and source.encoding says windows-1252"));
}

TEST_CASE("a character that straddles two blocks is one") {
  // Blocks are of 64 KiB, and the head is one: every alignment of a character of four bytes.
  for (std::size_t padding = 0; padding < 4; ++padding) {
    std::u16string text = u"id\n";
    text += std::u16string(padding, u'x') + u"\n";
    Rows rows = {"2 " + std::string(padding, 'x')};
    if (padding == 0) rows.clear();
    for (int i = 0; i < 40'000; ++i) {
      text += u"😀a\n";
      rows.push_back(fmt::format("{} 😀a", i + 3));
    }
    CAPTURE(padding);
    CHECK(rows_of_text(utf_16(text, padding % 2 == 0),
                       {.encoding = padding % 2 == 0 ? Encoding::utf_16le : Encoding::utf_16be}) == rows);
  }
}

TEST_CASE("a list in Windows-1252 is read where the settings say so") {
  const CsvSettings settings{.encoding = Encoding::windows_1252};
  CHECK(rows_of_text("id;name\n\x80 \x84J\xFCrgen\x93;x\n", settings) == Rows{"2 € „Jürgen“"});
}

TEST_CASE("what is no character is said with its line") {
  const CsvSettings windows{.encoding = Encoding::windows_1252};
  const std::string error = error_of_text("id\na\r\nb\rc\n\x81\n", windows);
  CHECK(contains(error, "65 "));
  CHECK(contains(error, "list.csv:5: is not all windows-1252 text: here is something that is no character of it"));
  std::string late = utf_16(u"id\n", true);
  for (int i = 0; i < 50'000; ++i) late += utf_16(u"abc\n", true);
  CHECK(contains(error_of_text(late + utf_16({u"\xD800x", 2}, true), {.encoding = Encoding::utf_16le}),
                 "list.csv:50002: is not"));
  CHECK(
      contains(error_of_text(utf_16(u"id\na\n", true) + "x", {.encoding = Encoding::utf_16le}),
               "list.csv:3: is not all utf-16le text: here is the first half of a character, and the end of the file"));
}

TEST_CASE("the header stands in the line that the job says, and nothing above it is looked at") {
  const std::string titles = "Contacts of \"2026\n;;;;\nx,y,z\n";
  CHECK(rows_of_text(titles + "name;id\nAnn;a\n", {.header_row = 4}) == Rows{"5 a"});
  CHECK(rows_of_text("\xEF\xBB\xBF" + titles + "name\tid\r\nAnn\ta\r\n", {.header_row = 4}) == Rows{"5 a"});
  CHECK(rows_of_text("sep=|\nx\nname|id\nAnn;|a\n", {.header_row = 3}) == Rows{"4 a"});
  CHECK(rows_of_text("a\rb\rid\rc\r", {.header_row = 3}) == Rows{"4 c"});
  CHECK(rows_of_text("id\na\n", {.header_row = 1}) == Rows{"2 a"});
  CHECK(contains(error_of_text("x\n\nid\n", {.header_row = 2}),
                 "list.csv:2: is empty, and no header row | the next line that holds something is line 3"));
  CHECK(contains(error_of_text("x\nid\n", {.header_row = 9}),
                 "list.csv:9: is empty, and no header row | there is nothing"));
  CHECK(contains(error_of_text("x\nname\n", {.header_row = 2}), "list.csv:2: there is no column \"id\""));
  // Above the header may stand more than a block.
  std::string many;
  for (int i = 0; i < 200'000; ++i) many += "\"\n";
  CHECK(rows_of_text(many + "id;x\na;b\n", {.header_row = 200'001}) == Rows{"200002 a"});
}
