// The texts that the cells of a workbook share, by their numbers: as many as there may be, in memory that does not grow
// with them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/spill_file.h"
#include "source/xml_reader.h"
#include "source/zip_file.h"

namespace convoke {

/// Bytes that are added at the end and read anywhere. In memory are the latest, and a few around those that were read
/// last; the others are in a temporary file, once there are any.
class SpilledBytes {
 public:
  /// Throws Error disk if there is no room, as read() does.
  void append(const void* data, std::size_t size);
  void read(void* data, std::size_t size, std::uint64_t offset);  ///< which were all added
  std::uint64_t size() const { return spilled_ + latest_.size(); }

 private:
  static constexpr std::size_t most_latest = 256UL * 1024;
  static constexpr std::size_t window_size = 4096;  ///< read ahead: cells next to each other often share neighbours

  void read_spilled(char* to, std::size_t size, std::uint64_t offset);

  std::unique_ptr<SpillFile> file_;  ///< empty: all are in memory
  std::uint64_t spilled_ = 0;        ///< how many are in the file, before the latest
  std::string latest_;
  std::string window_;  ///< of the file
  std::uint64_t window_begin_ = 0;
};

/// Reads the part as far as it is asked for, and no further.
class SharedStrings final : private XmlHandler {
 public:
  /// `part`: empty, there are none. `file` must outlive it.
  SharedStrings(ZipFile& file, const std::string& part);

  /// The text of that number, from 0, into `text`; false: there is none. Throws Error bad_source if the part is
  /// damaged, or a text longer than a value may be; disk.
  bool get(std::uint64_t number, std::string& text);

  /// Reads what nobody asked for: a file that is damaged there is damaged.
  void read_rest();

 private:
  void begin(std::string_view element, const XmlAttributes& attributes) override;
  void end(std::string_view element) override;
  void text(std::string_view text) override;

  std::string file_;
  std::unique_ptr<ZipPart> part_;
  std::unique_ptr<XmlReader> xml_;  ///< empty: there are none
  SpilledBytes texts_;
  SpilledBytes ends_;  ///< of each text, 8 bytes
  std::uint64_t count_ = 0;
  std::uint64_t wanted_ = 0;  ///< to be read up to this one
  std::string text_;          ///< the one that is read
  bool is_in_text_ = false;
  int phonetic_ = 0;  ///< how deep in phonetic runs, which are no part of the text
};

}  // namespace convoke
