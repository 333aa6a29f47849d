// JSON out: objects written field by field, with the one escaping function of base/text.h.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/text.h"

namespace convoke {

/// Appends an element to the text of a JSON array's inside.
inline void append_element(std::string& elements, std::string_view element) {
  if (!elements.empty()) elements += ',';
  elements += element;
}

class JsonObject {
 public:
  template <class Number>
  requires std::is_arithmetic_v<Number> JsonObject& add(std::string_view key, Number value) {
    return add_raw(key, fmt::format("{}", value));
  }
  JsonObject& add(std::string_view key, std::string_view value) { return add_raw(key, json_string(value)); }
  JsonObject& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  template <class Value>
  JsonObject& add(std::string_view key, const std::optional<Value>& value) {
    return value ? add(key, *value) : add_raw(key, "null");
  }
  /// `json` is JSON already.
  JsonObject& add_raw(std::string_view key, std::string_view json) {
    text_ += text_.empty() ? '{' : ',';
    append_json_string(text_, key);
    text_ += ':';
    text_ += json;
    return *this;
  }
  std::string text() const { return text_.empty() ? "{}" : text_ + '}'; }

 private:
  std::string text_;
};

}  // namespace convoke
