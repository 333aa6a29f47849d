#include "source/unpacking.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <array>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace convoke {
namespace {

using namespace std::literals;

constexpr std::uint64_t most_unpacked = 512UL << 20;
constexpr std::uint64_t most_for_one = 200;  // text has some 3 to 30
constexpr std::size_t input_size = 64UL * 1024;
constexpr int window_log = 25;  // 32 MiB: all levels of zstd but --ultra and --long

[[noreturn]] void fail_damaged(const std::string& name, const std::string& packing, const char* said) {
  throw Error(Exit::bad_source, fmt::format("is damaged ({}: {})", packing, said == nullptr ? "not its data" : said),
              name, "get the file again, or pack it again");
}

[[noreturn]] void fail_cut(const std::string& name, const std::string& packing) {
  throw Error(Exit::bad_source, fmt::format("is cut off: its {} data has no end", packing), name,
              "get the file again: a part of it is missing");
}

/// The packed bytes, by the block.
class Input {
 public:
  Input(ByteReader& packed, std::string name) : packed_(packed), name_(std::move(name)) {}

  /// The next block; empty at the end.
  std::string_view next() {
    const std::size_t size = packed_.read(block_.data(), block_.size());
    taken_ += size;
    return {block_.data(), size};
  }
  void account(std::size_t unpacked) {
    given_ += unpacked;
    check_unpacked(taken_, given_, name_);
  }
  const std::string& name() const { return name_; }

 private:
  ByteReader& packed_;
  std::string name_;
  std::vector<char> block_ = std::vector<char>(input_size);
  std::uint64_t taken_ = 0;
  std::uint64_t given_ = 0;
};

class Gzip final : public ByteReader {
 public:
  Gzip(ByteReader& packed, std::string name) : input_(packed, std::move(name)) {}

  std::size_t read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    for (;;) {
      if (stream_.avail_in == 0) refill();
      if (!is_in_member_) {
        if (stream_.avail_in == 0) return 0;
        inflateReset(&stream_);
        is_in_member_ = true;
      }
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) is_in_member_ = false;
      if (code == Z_MEM_ERROR) throw std::bad_alloc();
      const std::size_t got = size - stream_.avail_out;
      if (code == Z_BUF_ERROR && got == 0 && stream_.avail_in == 0) fail_cut(input_.name(), "gzip");
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) fail_damaged(input_.name(), "gzip", stream_.msg);
      if (got == 0) continue;
      input_.account(got);
      return got;
    }
  }

 private:
  struct Stream : z_stream {
    Stream() : z_stream{} {
      if (inflateInit2(this, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();  // 16: gzip and nothing else
    }
    ~Stream() { inflateEnd(this); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
  };

  void refill() {
    const std::string_view block = input_.next();
    // zlib's own type; it does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
    stream_.avail_in = static_cast<uInt>(block.size());
  }

  Input input_;
  Stream stream_;
  bool is_in_member_ = false;  ///< a member has begun, and not ended
};

class Zstd final : public ByteReader {
 public:
  Zstd(ByteReader& packed, std::string name) : input_(packed, std::move(name)), context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, window_log);
  }

  std::size_t read(char* out, std::size_t size) override {
    ZSTD_outBuffer to{out, size, 0};
    for (;;) {
      if (block_.pos == block_.size) refill();
      if (block_.size == 0 && !is_in_frame_) return 0;
      const std::size_t code = ZSTD_decompressStream(context_.get(), &to, &block_);
      if (ZSTD_isError(code) != 0) fail(code);
      is_in_frame_ = code != 0;
      if (to.pos > 0) {
        input_.account(to.pos);
        return to.pos;
      }
      if (block_.size == 0 && is_in_frame_) fail_cut(input_.name(), "zstd");
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  void refill() {
    const std::string_view block = input_.next();
    block_ = {block.data(), block.size(), 0};
  }

  [[noreturn]] void fail(std::size_t code) const {
    const auto error = ZSTD_getErrorCode(code);
    if (error == ZSTD_error_memory_allocation) throw std::bad_alloc();
    if (error == ZSTD_error_frameParameter_windowTooLarge) {
      throw Error(Exit::bad_source,
                  fmt::format("takes more memory to unpack than is given to a list ({} MiB)", (1 << window_log) >> 20),
                  input_.name(), "pack it without --ultra and --long, or unpack it: zstd -d --long=31 FILE");
    }
    fail_damaged(input_.name(), "zstd", ZSTD_getErrorName(code));
  }

  Input input_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  ZSTD_inBuffer block_ = {};
  bool is_in_frame_ = false;  ///< a frame has begun, and not ended
};

struct Magic {
  std::string_view bytes;
  Packing packing;
};

constexpr std::array<Magic, 2> magics = {{{"\x1F\x8B"sv, Packing::gzip}, {"\x28\xB5\x2F\xFD"sv, Packing::zstd}}};

}  // namespace

std::optional<Packing> packing_of(std::string_view head) {
  bool may_come = false;
  for (const Magic& magic : magics) {
    if (head.starts_with(magic.bytes)) return magic.packing;
    may_come = may_come || magic.bytes.starts_with(head);
  }
  return may_come ? std::nullopt : std::optional(Packing::none);
}

std::unique_ptr<ByteReader> unpack(ByteReader& packed, Packing packing, std::string name) {
  if (packing == Packing::gzip) return std::make_unique<Gzip>(packed, std::move(name));
  return std::make_unique<Zstd>(packed, std::move(name));
}

void check_unpacked(std::uint64_t packed, std::uint64_t unpacked, const std::string& name) {
  if (unpacked <= most_unpacked || unpacked / most_for_one <= packed) return;
  throw Error(Exit::bad_source,
              fmt::format("unpacks to more than {} MiB, {} bytes and more for one: that is no list",
                          most_unpacked >> 20, most_for_one),
              name, "if it is one, unpack it first");
}

}  // namespace convoke
