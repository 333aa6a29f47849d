#include "source/text_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "source/member_source.h"
#include "source/text_encoding.h"
#include "source/unpacking.h"

namespace convoke {

std::size_t HeadReader::read(char* out, std::size_t size) {
  if (given_ == held_.size()) return bytes_.read(out, size);
  const std::size_t count = std::min(size, held_.size() - given_);
  std::memcpy(out, held_.data() + given_, count);
  given_ += count;
  if (given_ == held_.size()) {
    held_ = {};
    given_ = 0;
  }
  return count;
}

// As much as there is, and not only what has to be looked at: a file that is plain is read by the block from its first
// byte on.
bool HeadReader::read_more() {
  constexpr std::size_t block_size = 64UL * 1024;
  const std::size_t before = held_.size();
  held_.resize(before + block_size);
  const std::size_t got = bytes_.read(held_.data() + before, block_size);
  held_.resize(before + got);
  return got > 0;
}

std::size_t TextFile::read(char* out, std::size_t size) {
  if (stop_.stop_requested()) throw ReadingStopped{};  // one byte of the file may be millions of the text
  if (text_ == nullptr) open();
  return text_->read(out, size);
}

void TextFile::open() {
  const auto packing = file_head_.look(packing_of, Packing::none);
  if (packing != Packing::none) unpacked_ = unpack(file_head_, packing, name());
  text_head_ = std::make_unique<HeadReader>(unpacked_ ? *unpacked_ : static_cast<ByteReader&>(file_head_));
  const auto mark = text_head_->look(byte_order_mark_of, ByteOrderMark{});
  if (encoding_ && mark.encoding && *encoding_ != *mark.encoding) {
    throw Error(Exit::bad_source,
                fmt::format("begins with the byte order mark of {}, and source.encoding says {}",
                            name_of(*mark.encoding), name_of(*encoding_)),
                name(), "leave source.encoding out: the mark says it");
  }
  const Encoding encoding = encoding_.value_or(mark.encoding.value_or(Encoding::utf_8));
  if (encoding != Encoding::utf_8) converted_ = convert(*text_head_, encoding, name());
  text_ = converted_ ? converted_.get() : text_head_.get();
}

}  // namespace convoke
