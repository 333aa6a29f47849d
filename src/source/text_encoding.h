// Text in other encodings than UTF-8, converted as it is read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/byte_reader.h"
#include "source/settings.h"

namespace convoke {

/// What the byte order mark says that a text begins with.
struct ByteOrderMark {
  std::optional<Encoding> encoding;  ///< absent: there is no mark
};

/// Nothing: `head` is too short to say.
std::optional<ByteOrderMark> byte_order_mark_of(std::string_view head);

constexpr std::string_view name_of(Encoding encoding) {
  return encoding_names[static_cast<std::size_t>(encoding)];
}

/// `text`, which is in `from`, in UTF-8; a byte order mark stays one. `text` must outlive it; `name` is what messages
/// call the file. Its read() throws Error bad_source with the line where something is no character of `from`.
std::unique_ptr<ByteReader> convert(ByteReader& text, Encoding from, std::string name);

}  // namespace convoke
