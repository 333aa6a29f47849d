#include "source/shared_strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "source/cell_format.h"
#include "source/settings.h"

namespace convoke {
namespace {

std::filesystem::path temporary_folder() {
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  return error ? std::filesystem::path("/tmp") : folder;
}

}  // namespace

void SpilledBytes::append(const void* data, std::size_t size) {
  if (latest_.size() + size > most_latest && !latest_.empty()) {
    if (!file_) {
      file_ = std::make_unique<SpillFile>(
          temporary_folder(), "a spreadsheet's texts are kept there while it is read; TMPDIR names another folder");
    }
    file_->append(latest_.data(), latest_.size());
    spilled_ += latest_.size();
    latest_.clear();
  }
  latest_.append(static_cast<const char*>(data), size);
}

void SpilledBytes::read(void* data, std::size_t size, std::uint64_t offset) {
  auto* to = static_cast<char*>(data);
  if (offset < spilled_) {
    const std::size_t count = std::min<std::uint64_t>(size, spilled_ - offset);
    read_spilled(to, count, offset);
    to += count;
    offset += count;
    size -= count;
  }
  if (size > 0) std::memcpy(to, latest_.data() + (offset - spilled_), size);
}

void SpilledBytes::read_spilled(char* to, std::size_t size, std::uint64_t offset) {
  if (size > window_size) return file_->read(to, size, offset);
  if (offset < window_begin_ || offset + size > window_begin_ + window_.size()) {
    window_.resize(std::min<std::uint64_t>(window_size, spilled_ - offset));
    window_begin_ = offset;
    file_->read(window_.data(), window_.size(), offset);
  }
  std::memcpy(to, window_.data() + (offset - window_begin_), size);
}

SharedStrings::SharedStrings(ZipFile& file, const std::string& part) : file_(file.name()) {
  if (part.empty()) return;
  part_ = file.open(part);
  xml_ = std::make_unique<XmlReader>(*part_, static_cast<XmlHandler&>(*this), file_, part);
}

bool SharedStrings::get(std::uint64_t number, std::string& text) {
  wanted_ = number;
  if (number >= count_ && xml_) xml_->run();
  if (number >= count_) return false;
  std::uint64_t range[2] = {0, 0};
  if (number == 0) {
    ends_.read(&range[1], sizeof range[1], 0);
  } else {
    ends_.read(range, sizeof range, (number - 1) * sizeof range[0]);
  }
  text.resize(range[1] - range[0]);
  texts_.read(text.data(), text.size(), range[0]);
  return true;
}

void SharedStrings::read_rest() {
  if (xml_) xml_->run_out();
}

void SharedStrings::begin(std::string_view element, const XmlAttributes&) {
  if (element == "t") is_in_text_ = true;
  if (element == "rPh") ++phonetic_;
  if (element == "si") text_.clear();
}

void SharedStrings::end(std::string_view element) {
  if (element == "t") is_in_text_ = false;
  if (element == "rPh") --phonetic_;
  if (element != "si") return;
  unescape_text(text_);
  texts_.append(text_.data(), text_.size());
  const std::uint64_t end = texts_.size();
  ends_.append(&end, sizeof end);
  if (count_++ == wanted_) xml_->pause();
}

void SharedStrings::text(std::string_view text) {
  if (!is_in_text_ || phonetic_ > 0) return;
  if (text_.size() + text.size() > longest_value) {
    throw Error(Exit::bad_source,
                fmt::format("the {}th of its shared texts is longer than {} bytes", count_ + 1, longest_value), file_,
                "no cell can hold that");
  }
  text_ += text;
}

}  // namespace convoke
