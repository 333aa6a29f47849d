// What the fuzz targets share. A target is one file with one LLVMFuzzerTestOneInput: clang links it with libFuzzer,
// which looks for bytes that break it (scripts/fuzz); any other compiler links it with replay.cpp, which plays its
// corpus.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace convoke::fuzz {

/// What must hold whatever the input: ends the program where it does not.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// The bytes of one input, taken from the front.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t byte() {  ///< 0 when none is left
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  std::string_view line() {  ///< up to the next LF, which is taken too
    const std::string_view line = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(line.size() < rest_.size() ? line.size() + 1 : line.size());
    return line;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// A file in memory with this content, for what reads files by their path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    require(::write(file_, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
            "memory for a file");
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

/// One line that does nothing to a terminal: excerpts, messages.
inline bool is_printable(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  }
  return true;
}

}  // namespace convoke::fuzz
