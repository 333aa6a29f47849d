// A file, pipe or standard input, read from front to back.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "source/byte_reader.h"

namespace convoke {

class InputFile final : public ByteReader {
 public:
  /// Opens `path`; "-" is standard input, which is not closed at the end. Waits for nothing, not even for somebody to
  /// write into a named pipe. Throws Error: no_input if it is not there or may not be read, bad_source if it is a
  /// folder.
  explicit InputFile(const std::string& path, std::stop_token stop = {});
  ~InputFile() override;

  /// Returns how many bytes were read; 0 is the end (`size` is not 0). Of a regular file: `size` bytes, or all that are
  /// left. Of anything else: what is there, and waits until something is, or until all writers are gone. Throws Error
  /// disk, and ReadingStopped when a stop is asked.
  std::size_t read(char* out, std::size_t size) override;

  /// Reads `size` bytes from `offset`, or all that are left; regular files only. Throws Error disk.
  std::size_t read_at(char* out, std::size_t size, std::size_t offset);

  const std::string& name() const { return name_; }  ///< the path, or "standard input"
  /// How many bytes there were to read when it was opened; empty unless it is a regular file.
  std::optional<std::uint64_t> size() const { return size_; }
  std::uint64_t taken() const { return taken_; }  ///< how many bytes read() has given so far
  mode_t mode() const { return mode_; }           ///< who may do what with it, as stat() says; 0: unknown

  /// Waits until read() has something, or the end, at once; false: not before `latest`. Throws ReadingStopped.
  bool wait_until_readable(std::chrono::steady_clock::time_point latest) const;

 private:
  std::string name_;
  std::stop_token stop_;
  int descriptor_;
  std::optional<std::uint64_t> size_;
  std::uint64_t taken_ = 0;
  mode_t mode_ = 0;
};

/// Throws Error no_input: `path` could not be opened for the reason that `code` (an errno) gives; disk if that is the
/// number of open files.
[[noreturn]] void throw_not_opened(const std::string& path, int code);

}  // namespace convoke
