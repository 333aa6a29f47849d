// A temporary file without a name, for what memory should not hold.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace convoke {

/// In `folder`, and gone with the process, however that ends. `hint`: what to try where there is no room for it. Throws
/// Error(disk).
class SpillFile {
 public:
  SpillFile(const std::filesystem::path& folder, std::string hint);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  void append(const void* data, std::size_t size);
  void read(void* data, std::size_t size, std::size_t offset) const;

 private:
  [[noreturn]] void fail(const char* action) const;

  std::filesystem::path folder_;
  std::string hint_;
  int file_ = -1;
};

}  // namespace convoke
