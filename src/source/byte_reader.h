// Bytes from front to back: of a file, or of what is made of another's bytes. A list is read through a pipe of these:
// the file, what it unpacks to, that in UTF-8.
#pragma once

#include <cstddef>

namespace convoke {

class ByteReader {
 public:
  ByteReader() = default;
  virtual ~ByteReader() = default;
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  /// Returns how many bytes were read, `size` at the most, which is not 0; 0 is the end. Waits until there are some,
  /// and for no more. Throws Error: disk if reading fails, bad_source if the bytes are not what they should be;
  /// ReadingStopped.
  virtual std::size_t read(char* out, std::size_t size) = 0;
};

}  // namespace convoke
