// The parts of a zip file, each unpacked as it is read. The file may come from anybody: what it says of itself is not
// believed.
#pragma once

#include <zip.h>

#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "source/byte_reader.h"

namespace convoke {

/// One part. Its read() throws as check_unpacked() does, over all parts of the file together, and Error bad_source
/// where the part turns out to be damaged: at its end, as a rule, where its checksum is.
class ZipPart final : public ByteReader {
 public:
  std::size_t read(char* out, std::size_t size) override;
  double share_read() const;  ///< from 0 to 1, as far as the file says how large it is

 private:
  friend class ZipFile;
  struct Close {
    void operator()(zip_file_t* part) const { zip_fclose(part); }
  };

  ZipPart(class ZipFile& file, std::unique_ptr<zip_file_t, Close> part, std::string name, std::uint64_t size)
      : file_(file), part_(std::move(part)), name_(std::move(name)), size_(size) {}

  ZipFile& file_;
  std::unique_ptr<zip_file_t, Close> part_;
  std::string name_;
  std::uint64_t size_;  ///< as the file has it
  std::uint64_t given_ = 0;
};

class ZipFile {
 public:
  /// Throws Error: no_input as InputFile, bad_source if it is no regular file, no zip file, cut off, or names one part
  /// twice; disk; ReadingStopped.
  ZipFile(const std::string& path, std::stop_token stop);
  ~ZipFile();
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  /// Letters' case makes no difference.
  bool has(std::string_view part) const;

  /// Which must be gone before the file is. Several may be read in turn. Throws Error bad_source if there is none, or
  /// it is encrypted or packed in an odd way.
  std::unique_ptr<ZipPart> open(std::string_view part);

  const std::string& name() const;  ///< the path

 private:
  friend class ZipPart;
  struct Bytes;  ///< what libzip reads through
  struct Discard {
    void operator()(zip_t* file) const { zip_discard(file); }
  };

  void list_parts();
  [[noreturn]] void fail(zip_error_t* error, const std::string& about) const;

  std::unique_ptr<Bytes> bytes_;
  std::unique_ptr<zip_t, Discard> file_;
  std::map<std::string, zip_uint64_t, std::less<>> parts_;  ///< by their names in lower case
  std::uint64_t unpacked_ = 0;                              ///< bytes of all parts so far
};

}  // namespace convoke
