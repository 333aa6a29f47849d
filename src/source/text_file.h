// A list's file as the text that it is to its reader: unpacked if it is packed, in UTF-8 whatever it is in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "source/input_file.h"
#include "source/settings.h"

namespace convoke {

/// Bytes whose beginning is looked at before they are given out.
class HeadReader final : public ByteReader {
 public:
  /// `bytes` must outlive it.
  explicit HeadReader(ByteReader& bytes) : bytes_(bytes) {}

  /// What `tell` says of the first bytes, read on until it says something; of no more bytes, `otherwise`.
  template <class Told, class Tell>
  Told look(Tell tell, Told otherwise) {
    for (;;) {
      if (const std::optional<Told> told = tell(head())) return *told;
      if (!read_more()) return otherwise;
    }
  }

  std::size_t read(char* out, std::size_t size) override;

 private:
  std::string_view head() const { return std::string_view(held_).substr(given_); }
  bool read_more();  ///< false at the end

  ByteReader& bytes_;
  std::string held_;
  std::size_t given_ = 0;  ///< how much of it was given out
};

class TextFile final : public ByteReader {
 public:
  /// `encoding`: absent, its byte order mark says it, or it is UTF-8. Throws as InputFile.
  TextFile(const std::string& path, std::optional<Encoding> encoding, std::stop_token stop)
      : file_(path, stop), stop_(std::move(stop)), encoding_(encoding) {}

  /// Throws Error bad_source, too, where the file's byte order mark is not that of the encoding that it should have. A
  /// byte order mark is part of the text.
  std::size_t read(char* out, std::size_t size) override;

  const std::string& name() const { return file_.name(); }
  std::optional<std::uint64_t> size() const { return file_.size(); }  ///< as InputFile
  std::uint64_t taken() const { return file_.taken(); }               ///< as InputFile
  bool is_plain() const { return !unpacked_ && !converted_; }         ///< what is given out is what stands in the file

 private:
  void open();

  InputFile file_;
  std::stop_token stop_;
  std::optional<Encoding> encoding_;
  HeadReader file_head_{file_};
  std::unique_ptr<ByteReader> unpacked_;  ///< empty: it is not packed
  std::unique_ptr<HeadReader> text_head_;
  std::unique_ptr<ByteReader> converted_;  ///< empty: it is UTF-8
  ByteReader* text_ = nullptr;             ///< the end of the pipe; null: not open yet
};

}  // namespace convoke
