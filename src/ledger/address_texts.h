// The addresses of a list while they are looked up, by the lines where they stand: in temporary files without a name,
// gone with the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/spill_file.h"

namespace convoke {

class AddressTexts {
 public:
  /// The files go to `folder`.
  explicit AddressTexts(const std::filesystem::path& folder);

  /// Lines ascend; an address has at most 254 bytes (base/address.h). Throws Error(disk) if there is no room.
  void add(std::uint64_t line, std::string_view address);
  /// Before what was added is asked for.
  void end_adding();
  /// Empty: none was added for this line.
  std::optional<std::string> at(std::uint64_t line);

 private:
  SpillFile texts_;        // each with its size, a byte, before it
  SpillFile places_;       // of the text of each line from 0 on, plus 1; 0: it has none
  std::string new_texts_;  // to be appended,
  std::vector<std::uint64_t> new_places_;
  std::uint64_t lines_ = 0;  // that have a place, be it 0
  std::uint64_t size_ = 0;   // of the texts
};

}  // namespace convoke
