// The sorter, against std::sort: runs in memory, in the file, and windows of them.
#include "ledger/sorter.h"

#include <compare>
#include <memory>

#include "fuzz.h"

using namespace convoke;
using namespace convoke::fuzz;

namespace {

struct Record {
  std::uint16_t key;
  std::uint16_t number;
  auto operator<=>(const Record&) const = default;
};

}  // namespace

// Two bytes say how many records memory holds and how often the rest is repeated.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::size_t most_in_memory = 1 + input.byte() * (input.byte() % 2 == 0 ? 1UL : 40UL);
  const std::size_t repeats = 1 + input.byte() % 16;
  std::vector<Record> records;
  for (std::size_t i = 0; i < repeats; ++i) {
    for (const char c : input.rest())
      records.push_back({static_cast<unsigned char>(c), static_cast<std::uint16_t>(records.size() * 31)});
  }
  Sorter<Record> sorter("/dev/shm", most_in_memory);
  for (const Record& record : records) sorter.add(record);
  std::sort(records.begin(), records.end());
  for (int reading = 0; reading < 2; ++reading) {
    std::size_t at = 0;
    sorter.begin_reading();
    while (const Record* record = sorter.next()) {
      require(at < records.size() && *record == records[at], "records come in their order");
      ++at;
    }
    require(at == records.size(), "every record comes");
  }
  return 0;
}
