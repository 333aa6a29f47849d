#include "source/text_encoding.h"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"

namespace convoke {
namespace {

using namespace std::literals;

constexpr std::size_t encoded_block_size = 64UL * 1024;

struct Mark {
  std::string_view bytes;
  Encoding encoding;
};

constexpr std::array<Mark, 3> marks = {
    {{"\xEF\xBB\xBF"sv, Encoding::utf_8}, {"\xFF\xFE"sv, Encoding::utf_16le}, {"\xFE\xFF"sv, Encoding::utf_16be}}};

class Converted final : public ByteReader {
 public:
  Converted(ByteReader& text, Encoding from, std::string name)
      : text_(text), from_(from), name_(std::move(name)), iconv_(from) {}

  std::size_t read(char* out, std::size_t size) override {
    while (given_ == made_.size()) {
      if (!convert_more()) return 0;
    }
    const std::size_t count = std::min(size, made_.size() - given_);
    std::memcpy(out, made_.data() + given_, count);
    given_ += count;
    return count;
  }

 private:
  class Iconv {
   public:
    explicit Iconv(Encoding from)
        : handle_(::iconv_open("UTF-8", from == Encoding::windows_1252 ? "CP1252"
                                        : from == Encoding::utf_16le   ? "UTF-16LE"
                                        : from == Encoding::utf_16be   ? "UTF-16BE"
                                                                       : "UTF-8")) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): iconv's own word for none
      if (handle_ == reinterpret_cast<iconv_t>(-1)) {
        throw Error(Exit::disk, fmt::format("the system cannot convert from {}", name_of(from)), {},
                    "it is in the package libc-bin or glibc-gconv");
      }
    }
    ~Iconv() { ::iconv_close(handle_); }
    Iconv(const Iconv&) = delete;
    Iconv& operator=(const Iconv&) = delete;

    iconv_t handle() { return handle_; }

   private:
    iconv_t handle_;
  };

  /// Fills made_, at least with what is left of a character; false at the end.
  bool convert_more() {
    if (is_wrong_) fail("something that is no character of it");
    if (end_ == begin_ || is_short_) {
      std::copy(block_.begin() + begin_, block_.begin() + end_, block_.begin());
      end_ -= begin_;
      begin_ = 0;
      const std::size_t got = text_.read(block_.data() + end_, block_.size() - static_cast<std::size_t>(end_));
      if (got == 0 && end_ > 0) fail("the first half of a character, and the end of the file");
      if (got == 0) return false;
      end_ += static_cast<std::ptrdiff_t>(got);
    }
    made_.resize(2 * encoded_block_size);
    char* from = block_.data() + begin_;
    auto left = static_cast<std::size_t>(end_ - begin_);
    char* to = made_.data();
    std::size_t room = made_.size();
    const std::size_t done = ::iconv(iconv_.handle(), &from, &left, &to, &room);
    // What was converted up to there is given out first.
    is_wrong_ = done == static_cast<std::size_t>(-1) && errno == EILSEQ;
    is_short_ = done == static_cast<std::size_t>(-1) && errno == EINVAL;
    begin_ = end_ - static_cast<std::ptrdiff_t>(left);
    made_.resize(made_.size() - room);
    given_ = 0;
    count_lines();
    return true;
  }

  /// As LineReader counts them: LF, CR LF, and CR alone.
  void count_lines() {
    for (const char c : made_) {
      if (c == '\r' || (c == '\n' && !was_cr_)) ++line_;
      was_cr_ = c == '\r';
    }
  }

  [[noreturn]] void fail(const char* what) const {
    throw Error(Exit::bad_source, fmt::format("is not all {} text: here is {}", name_of(from_), what),
                fmt::format("{}:{}", name_, line_),
                "see what the program that wrote it calls the encoding, and say that in [source] encoding (without a "
                "job file: --set source.encoding=…)");
  }

  ByteReader& text_;
  Encoding from_;
  std::string name_;
  Iconv iconv_;
  std::vector<char> block_ = std::vector<char>(encoded_block_size);
  std::ptrdiff_t begin_ = 0;  ///< what of the block is not converted yet begins here
  std::ptrdiff_t end_ = 0;    ///< and ends here
  bool is_short_ = false;     ///< what is left is a part of a character
  bool is_wrong_ = false;     ///< what is left begins with no character
  std::string made_;
  std::size_t given_ = 0;   ///< how much of that was given out
  std::uint64_t line_ = 1;  ///< where what is left begins
  bool was_cr_ = false;
};

}  // namespace

std::optional<ByteOrderMark> byte_order_mark_of(std::string_view head) {
  bool may_come = false;
  for (const Mark& mark : marks) {
    if (head.starts_with(mark.bytes)) return ByteOrderMark{mark.encoding};
    may_come = may_come || mark.bytes.starts_with(head);
  }
  return may_come ? std::nullopt : std::optional(ByteOrderMark{});
}

std::unique_ptr<ByteReader> convert(ByteReader& text, Encoding from, std::string name) {
  return std::make_unique<Converted>(text, from, std::move(name));
}

}  // namespace convoke
