// A file, pipe or standard input, read from front to back.
#pragma once

#include <cstddef>
#include <string>

namespace convoke {

class InputFile {
 public:
  /// Opens `path`; "-" is standard input, which is not closed at the end. Throws Error: no_input if it is not there or
  /// may not be read, bad_source if it is a folder.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Reads until `size` bytes are there or the file ends; returns how many were read. Throws Error disk.
  std::size_t read(char* out, std::size_t size);

  /// Likewise from `offset`; regular files only.
  std::size_t read_at(char* out, std::size_t size, std::size_t offset);

  const std::string& name() const { return name_; }  ///< the path, or "standard input"

 private:
  std::string name_;
  int descriptor_;
};

/// Throws Error no_input: `path` could not be opened for the reason that `code` (an errno) gives.
[[noreturn]] void throw_not_opened(const std::string& path, int code);

}  // namespace convoke
