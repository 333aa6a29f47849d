// JSON out: objects written field by field, with the one escaping function of base/text.h. Not a library's: Boost.JSON
// writes 0.25 as 2.5E-1, and leaves what moves or hides text on a terminal as it is.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "base/text.h"

namespace convoke {

/// A text that is null where there is none.
inline std::optional<std::string_view> or_null(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

/// A time that is null where there is none.
inline std::optional<std::string> or_null(std::optional<WallTime> time) {
  return time ? std::optional(format_time(*time)) : std::nullopt;
}

/// An array of what `json_of` makes of each value, which is JSON already.
template <class Values, class ToJson>
std::string json_list(const Values& values, ToJson&& json_of) {
  std::string list;
  for (const auto& value : values) {
    list += list.empty() ? '[' : ',';
    list += json_of(value);
  }
  return list.empty() ? "[]" : list + ']';
}

class JsonObject {
 public:
  template <class Number>
  requires std::is_arithmetic_v<Number> JsonObject& add(std::string_view key, Number value) {
    return add_raw(key, fmt::format("{}", value));  // (a bool too: true, false)
  }
  JsonObject& add(std::string_view key, std::string_view value) { return add_raw(key, json_string(value)); }
  JsonObject& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  JsonObject& add(std::string_view key, const JsonObject& value) { return add_raw(key, value.text()); }
  template <class Value>
  JsonObject& add(std::string_view key, const std::optional<Value>& value) {
    return value ? add(key, *value) : add_raw(key, "null");
  }
  template <class Values, class ToJson>
  JsonObject& add_list(std::string_view key, const Values& values, ToJson&& json_of) {
    return add_raw(key, json_list(values, json_of));
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
