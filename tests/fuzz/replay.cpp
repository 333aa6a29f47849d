// Plays a target's corpus where there is no libFuzzer: every file of the folders that are named.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz.h"

int main(int count, char** arguments) {
  std::size_t played = 0;
  for (int i = 1; i < count; ++i) {
    if (arguments[i][0] == '-') continue;  // an option of libFuzzer's
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      ++played;
    }
  }
  std::printf("%zu inputs\n", played);
  return played > 0 ? 0 : 1;
}
