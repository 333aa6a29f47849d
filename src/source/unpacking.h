// Lists that are packed: gzip and zstd, told by their first bytes, and unpacked as they are read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/byte_reader.h"

namespace convoke {

enum class Packing { none, gzip, zstd };

/// How what begins with `head` is packed; nothing: `head` is too short to say.
std::optional<Packing> packing_of(std::string_view head);

/// What `packed` unpacks to, to the end of its last member or frame. Takes 1 MiB at the most, beside the window of
/// zstd, up to 32 MiB. `packed` must outlive it; `name` is what messages call the file. Its read() throws Error
/// bad_source also where the bytes are damaged or end too early, and as check_unpacked() does.
std::unique_ptr<ByteReader> unpack(ByteReader& packed, Packing packing, std::string name);

/// Throws Error bad_source about `name` if so many bytes that came out of so few are no list, but a bomb: more than 512
/// MiB, and more than 200 for one.
void check_unpacked(std::uint64_t packed, std::uint64_t unpacked, const std::string& name);

}  // namespace convoke
