// XML as it comes, element by element. It may come from anybody: there are no document types and thus no entities, and
// whatever it holds, it takes bounded memory.
#pragma once

#include <expat.h>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/byte_reader.h"

namespace convoke {

/// Of one element; names are without prefixes. Holds as long as the call that it is given to.
class XmlAttributes {
 public:
  explicit XmlAttributes(const XML_Char* const* list) : list_(list) {}
  std::optional<std::string_view> get(std::string_view name) const;

 private:
  const XML_Char* const* list_;  ///< a name, its value, and so on, and a null
};

/// What is told of a document. May throw; that comes out of XmlReader::run().
class XmlHandler {
 public:
  XmlHandler() = default;
  virtual ~XmlHandler() = default;
  XmlHandler(const XmlHandler&) = delete;
  XmlHandler& operator=(const XmlHandler&) = delete;

  virtual void begin(std::string_view element, const XmlAttributes& attributes) = 0;  ///< its name without a prefix
  virtual void end(std::string_view element) = 0;
  virtual void text(std::string_view text) = 0;  ///< in UTF-8, in pieces as they come
};

/// All readers together take 16 MiB at the most.
class XmlReader {
 public:
  /// `bytes` and `handler` must outlive it. `file` is what messages call the file, `part` the part of it.
  XmlReader(ByteReader& bytes, XmlHandler& handler, std::string file, std::string part);

  /// Tells the handler what comes, until that calls pause(), or to the end; false: that was the end. Throws Error
  /// bad_source if it is no XML, or such as no spreadsheet has; what the handler throws, and what the bytes do. Not to
  /// be called again after that.
  bool run();

  /// To be called by the handler, at the end of an element: run() returns then.
  void pause();

  /// Reads to the end, and tells nobody: what is wrong there is found.
  void run_out();

 private:
  struct Free {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
  };

  static void on_begin(void* self, const XML_Char* name, const XML_Char** attributes) noexcept;
  static void on_end(void* self, const XML_Char* name) noexcept;
  static void on_text(void* self, const XML_Char* text, int size) noexcept;
  static void on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) noexcept;
  static void on_other(void* self, const XML_Char*, int) noexcept;

  template <class Act>
  void within_expat(Act act) noexcept;
  XML_Status parse_block();
  void check_length(std::size_t block);
  [[noreturn]] void fail() const;
  [[noreturn]] void fail(const std::string& what) const;

  ByteReader& bytes_;
  XmlHandler& handler_;
  std::string file_;
  std::string part_;
  std::unique_ptr<XML_ParserStruct, Free> parser_;
  std::exception_ptr failure_;  ///< what was thrown inside of expat, which is C
  std::size_t depth_ = 0;
  std::size_t unheard_ = 0;  ///< bytes since anything was told, by the block
  bool was_heard_ = false;
  bool is_paused_ = false;
  bool is_last_ = false;  ///< all bytes are given to the parser
  bool has_ended_ = false;
  bool is_told_ = true;  ///< whether the handler is
};

}  // namespace convoke
