#include "source/xml_reader.h"

#include <fmt/format.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace convoke {
namespace {

constexpr int xml_block_size = 64 * 1024;
constexpr std::size_t deepest = 64;                      // elements in each other; a workbook has ten
constexpr std::size_t longest_tag = 256UL * 1024;        // and comment; the text of an element comes in pieces
constexpr std::size_t most_memory = 16UL * 1024 * 1024;  // of all parsers

// What expat keeps of a document grows with it if that is made so: names of elements and attributes that are all
// different, say. It asks for memory without saying for whom, hence one count for all parsers.
std::atomic<std::size_t> in_use = 0;

bool is_too_much(std::size_t size) {
  return size > most_memory || in_use.load(std::memory_order_relaxed) + size > most_memory;
}

void* take(size_t size) {
  if (is_too_much(size)) return nullptr;
  void* memory = std::malloc(size);
  in_use.fetch_add(::malloc_usable_size(memory), std::memory_order_relaxed);
  return memory;
}

void* take_more(void* before, size_t size) {
  if (is_too_much(size)) return nullptr;
  const std::size_t size_before = ::malloc_usable_size(before);
  void* memory = std::realloc(before, size);
  if (memory == nullptr) return nullptr;
  in_use.fetch_sub(size_before, std::memory_order_relaxed);
  in_use.fetch_add(::malloc_usable_size(memory), std::memory_order_relaxed);
  return memory;
}

void give_back(void* memory) {
  in_use.fetch_sub(::malloc_usable_size(memory), std::memory_order_relaxed);
  std::free(memory);
}

std::string_view without_prefix(std::string_view name) {
  return name.substr(name.find(':') + 1);  // npos + 1 is 0
}

}  // namespace

std::optional<std::string_view> XmlAttributes::get(std::string_view name) const {
  for (const XML_Char* const* at = list_; *at != nullptr; at += 2) {
    // Nearly all names differ from each other in their first letters, and have no prefix.
    const bool is_it = std::strncmp(*at, name.data(), name.size()) == 0 && (*at)[name.size()] == '\0';
    if (is_it || (std::strchr(*at, ':') != nullptr && without_prefix(*at) == name)) return std::string_view(at[1]);
  }
  return std::nullopt;
}

XmlReader::XmlReader(ByteReader& bytes, XmlHandler& handler, std::string file, std::string part)
    : bytes_(bytes), handler_(handler), file_(std::move(file)), part_(std::move(part)) {
  const XML_Memory_Handling_Suite memory = {take, take_more, give_back};
  parser_.reset(XML_ParserCreate_MM(nullptr, &memory, nullptr));
  if (!parser_) throw std::bad_alloc();
  XML_SetUserData(parser_.get(), this);
  XML_SetElementHandler(parser_.get(), on_begin, on_end);
  XML_SetCharacterDataHandler(parser_.get(), on_text);
  XML_SetStartDoctypeDeclHandler(parser_.get(), on_doctype);
  XML_SetDefaultHandler(parser_.get(), on_other);
}

bool XmlReader::run() {
  while (!has_ended_) {
    const XML_Status status = std::exchange(is_paused_, false) ? XML_ResumeParser(parser_.get()) : parse_block();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (status == XML_STATUS_ERROR) fail();
    is_paused_ = status == XML_STATUS_SUSPENDED;
    if (is_paused_) return true;
    has_ended_ = is_last_;
  }
  return false;
}

void XmlReader::run_out() {
  is_told_ = false;
  run();
}

void XmlReader::pause() {
  XML_StopParser(parser_.get(), XML_TRUE);
}

XML_Status XmlReader::parse_block() {
  void* block = XML_GetBuffer(parser_.get(), xml_block_size);
  if (block == nullptr) return XML_STATUS_ERROR;
  const std::size_t size = bytes_.read(static_cast<char*>(block), xml_block_size);
  is_last_ = size == 0;
  check_length(size);
  return XML_ParseBuffer(parser_.get(), static_cast<int>(size), is_last_ ? 1 : 0);
}

/// expat looks at a tag from its beginning on with each block, until it is whole: that must have an end.
void XmlReader::check_length(std::size_t block) {
  unheard_ = std::exchange(was_heard_, false) ? 0 : unheard_ + block;
  if (unheard_ > longest_tag) fail("a tag has no end");
}

/// Does what is to be done within expat; what that throws ends the parsing.
template <class Act>
void XmlReader::within_expat(Act act) noexcept {
  was_heard_ = true;
  if (failure_) return;
  try {
    act();
  } catch (...) {
    failure_ = std::current_exception();
    XML_StopParser(parser_.get(), XML_FALSE);
  }
}

void XmlReader::on_begin(void* self, const XML_Char* name, const XML_Char** attributes) noexcept {
  auto& reader = *static_cast<XmlReader*>(self);
  reader.within_expat([&] {
    if (++reader.depth_ > deepest) reader.fail("its elements stand too deep in each other");
    if (reader.is_told_) reader.handler_.begin(without_prefix(name), XmlAttributes(attributes));
  });
}

void XmlReader::on_end(void* self, const XML_Char* name) noexcept {
  auto& reader = *static_cast<XmlReader*>(self);
  reader.within_expat([&] {
    --reader.depth_;
    if (reader.is_told_) reader.handler_.end(without_prefix(name));
  });
}

void XmlReader::on_text(void* self, const XML_Char* text, int size) noexcept {
  auto& reader = *static_cast<XmlReader*>(self);
  reader.within_expat([&] {
    if (reader.is_told_) reader.handler_.text({text, static_cast<std::size_t>(size)});
  });
}

void XmlReader::on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) noexcept {
  auto& reader = *static_cast<XmlReader*>(self);
  reader.within_expat([&] { reader.fail("it declares a document type, as no spreadsheet does"); });
}

void XmlReader::on_other(void* self, const XML_Char*, int) noexcept {
  static_cast<XmlReader*>(self)->was_heard_ = true;
}

void XmlReader::fail() const {
  const XML_Error code = XML_GetErrorCode(parser_.get());
  if (code == XML_ERROR_NO_MEMORY)
    fail(fmt::format("it takes more than {} MiB of memory, as no spreadsheet does", most_memory >> 20));
  fail(XML_ErrorString(code));
}

void XmlReader::fail(const std::string& what) const {
  throw Error(Exit::bad_source,
              fmt::format("is damaged: its part {}, line {}, column {}: {}", excerpt(part_),
                          XML_GetCurrentLineNumber(parser_.get()), XML_GetCurrentColumnNumber(parser_.get()), what),
              file_, "open it in a spreadsheet program, and save it anew");
}

}  // namespace convoke
