// Packed lists, and other encodings: whatever the bytes, they are read or refused with a message, and the same in
// pieces of any size.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "fuzz.h"
#include "source/text_file.h"

using namespace convoke;
using namespace convoke::fuzz;

namespace {

constexpr std::size_t longest = 4UL << 20;  // a bomb is for the tests

struct Reading {
  std::string text;
  std::string error;
};

Reading read_in(std::size_t piece, const std::string& path, std::optional<Encoding> encoding) {
  Reading reading;
  try {
    TextFile file(path, encoding, {});
    std::string block(piece, '\0');
    while (reading.text.size() < longest) {
      const std::size_t got = file.read(block.data(), block.size());
      require(got <= piece, "no more than is asked for");
      if (got == 0) break;
      reading.text.append(block, 0, got);
      require(file.taken() <= *file.size(), "no more is read than there is");
    }
  } catch (const Error& error) {
    require(error.exit() == Exit::bad_source, "a list that cannot be unpacked is a bad source");
    require(is_printable(error.what()) && is_printable(error.hint()), "a message is printable");
    reading.error = error.what();
  }
  reading.text.resize(std::min(reading.text.size(), longest));
  return reading;
}

}  // namespace

// The first byte says the encoding, the second in what pieces it is read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::size_t how = input.byte() % 5;
  const std::optional<Encoding> encoding = how == 0 ? std::nullopt : std::optional(static_cast<Encoding>(how - 1));
  const std::size_t piece = 1 + input.byte();
  const MemoryFile file(input.rest());
  const Reading whole = read_in(64UL * 1024, file.path(), encoding);
  const Reading pieces = read_in(piece, file.path(), encoding);
  // What is wrong may lie beyond, and how much is given out before it is found is nobody's business.
  if (whole.text.size() == longest || pieces.text.size() == longest) return 0;
  require(whole.error == pieces.error, "what is wrong is the same, whatever the pieces in which a text is read");
  require(!whole.error.empty() || whole.text == pieces.text, "and so is a text of which nothing is wrong");
  return 0;
}
