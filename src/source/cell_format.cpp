#include "source/cell_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/numbers.h"
#include "base/text.h"
#include "source/xml_reader.h"

namespace convoke {
namespace {

constexpr std::size_t most_formats = 65'536;

/// Of the numbers below 164, whose formats stand in no file: those that differ with the country are dates in all.
CellKind kind_of_number(std::uint64_t number) {
  const auto is_in = [number](std::uint64_t low, std::uint64_t high) { return number >= low && number <= high; };
  if (is_in(14, 17) || number == 22 || is_in(27, 36) || is_in(50, 58)) return CellKind::date;
  if (is_in(18, 21) || number == 45 || number == 47) return CellKind::time;
  return CellKind::number;
}

/// `format` without what is shown as it stands: quoted text, escaped characters, fillers, and all sections but the
/// first. Brackets become "[" and their first letter.
std::string bare_format(std::string_view format) {
  std::string bare;
  for (std::size_t i = 0; i < format.size() && format[i] != ';'; ++i) {
    const char c = format[i];
    if (c == '"') {
      i = std::min(format.find('"', i + 1), format.size());
    } else if (c == '\\' || c == '_' || c == '*') {
      ++i;
    } else if (c == '[') {
      const std::string_view inside = format.substr(i + 1, format.find(']', i) - i - 1);
      const std::string letters = lower_case(inside);
      const bool is_elapsed = !letters.empty() && letters.find_first_not_of(letters[0]) == std::string::npos &&
                              std::string_view("hms").find(letters[0]) != std::string_view::npos;
      if (is_elapsed) bare += '[';
      i = std::min(format.find(']', i), format.size());
    } else {
      bare += lower(c);
    }
  }
  return bare;
}

class StylesHandler final : public XmlHandler {
 public:
  explicit StylesHandler(const ZipFile& file) : file_(file) {}

  void begin(std::string_view element, const XmlAttributes& attributes) override {
    if (element == "cellXfs") is_in_cell_formats_ = true;
    if (element == "numFmt") {
      if (own_.size() >= most_formats) fail();
      if (const auto number = number_of(attributes))
        own_[*number] = kind_of_format(attributes.get("formatCode").value_or(""));
    }
    if (element == "xf" && is_in_cell_formats_) {
      if (kinds.size() >= most_formats) fail();
      const auto number = number_of(attributes).value_or(0);
      const auto own = own_.find(number);
      kinds.push_back(own != own_.end() ? own->second : kind_of_number(number));
    }
  }
  void end(std::string_view element) override {
    if (element == "cellXfs") is_in_cell_formats_ = false;
  }
  void text(std::string_view) override {}

  std::vector<CellKind> kinds;

 private:
  static std::optional<std::uint64_t> number_of(const XmlAttributes& attributes) {
    return parse_number<std::uint64_t>(attributes.get("numFmtId").value_or(""));
  }
  [[noreturn]] void fail() const {
    throw Error(Exit::bad_source, "is damaged: it has more cell formats than a spreadsheet may have", file_.name(),
                "open it in a spreadsheet program, and save it anew");
  }

  const ZipFile& file_;
  bool is_in_cell_formats_ = false;
  std::map<std::uint64_t, CellKind> own_;  ///< of the workbook's own formats, by number
};

/// Fixed, where that is no longer than a number in a cell can be.
std::string shortest(double number) {
  constexpr double largest_fixed = 1e21;
  constexpr double smallest_fixed = 1e-9;
  const double size = std::abs(number);
  const bool is_fixed = size == 0 || (size >= smallest_fixed && size < largest_fixed);
  std::array<char, 64> text{};
  const auto format = is_fixed ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, format).ptr;
  return std::string(text.data(), end);
}

/// Empty: no day of a spreadsheet's. Its 1900 has a 29th of February, which is day 60.
std::string day_text(std::int64_t day, bool from_1904) {
  using namespace std::chrono;
  constexpr std::int64_t fictional = 60;
  constexpr std::int64_t last = 2'958'465;  // the end of the year 9999
  constexpr std::int64_t days_to_1904 = 1462;
  if (day < 0 || day > last - (from_1904 ? days_to_1904 : 0)) return {};
  if (!from_1904 && day == fictional) return "1900-02-29";
  const sys_days before = from_1904         ? sys_days(1904y / January / 1)
                          : day < fictional ? sys_days(1899y / December / 31)
                                            : sys_days(1899y / December / 30);
  const year_month_day date{before + days(day)};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string date_text(double number, CellKind kind, bool from_1904) {
  constexpr std::int64_t seconds_a_day = 86'400;
  constexpr double most_days = 3'000'000;
  if (number < 0 || number > most_days) return {};
  const auto seconds = static_cast<std::int64_t>(std::llround(number * static_cast<double>(seconds_a_day)));
  const std::int64_t day = seconds / seconds_a_day;
  const std::int64_t rest = seconds % seconds_a_day;
  std::string time = fmt::format("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
  // Day 0 is a date in 1904's count only.
  if (day == 0 && (kind == CellKind::time || !from_1904)) return time;
  std::string date = day_text(day, from_1904);
  return date.empty() || rest == 0 ? date : date + "T" + time;
}

void append_utf_8(std::string& out, unsigned point) {
  const auto add = [&out](unsigned byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return add(point);
  if (point < 0x800) {
    add(0xC0U | point >> 6U);
  } else {
    add(0xE0U | point >> 12U);
    add(0x80U | (point >> 6U & 0x3FU));
  }
  add(0x80U | (point & 0x3FU));
}

/// What is in its shortest form already, as most numbers of most lists are.
bool is_plain(std::string_view value) {
  constexpr std::size_t digits_of_a_double = 15;
  return !value.empty() && value.size() <= digits_of_a_double && (value[0] != '0' || value.size() == 1) &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

CellKind kind_of_format(std::string_view format) {
  const std::string bare = bare_format(format);
  if (bare.find("general") != std::string::npos || bare.find('[') != std::string::npos) return CellKind::number;
  const bool has_time = bare.find_first_of("hs") != std::string::npos;
  if (bare.find_first_of("yd") != std::string::npos) return CellKind::date;
  if (has_time) return CellKind::time;
  return bare.find('m') != std::string::npos ? CellKind::date : CellKind::number;
}

CellFormats::CellFormats(ZipFile& file, const std::string& part) {
  const auto bytes = file.open(part);
  StylesHandler handler(file);
  XmlReader(*bytes, handler, file.name(), part).run();
  kinds_ = std::move(handler.kinds);
}

void unescape_text(std::string& text) {
  constexpr std::size_t length = 7;  // of _xHHHH_
  std::size_t at = text.find("_x");
  if (at == std::string::npos) return;
  std::string shown;
  std::size_t done = 0;
  for (; at != std::string::npos; at = text.find("_x", at)) {
    const std::string_view name = std::string_view(text).substr(at, length);
    const auto point =
        name.size() == length && name.back() == '_' ? parse_number<unsigned>(name.substr(2, 4), 16) : std::nullopt;
    const bool is_character = point && *point != 0 && (*point < 0xD800 || *point > 0xDFFF);
    if (!is_character) {
      ++at;
      continue;
    }
    shown.append(text, done, at - done);
    append_utf_8(shown, *point);
    at += length;
    done = at;
  }
  text = shown.append(text, done);
}

std::string number_text(std::string_view value, CellKind kind, bool from_1904) {
  if (kind == CellKind::number && is_plain(value)) return std::string(value);
  const auto number = parse_number<double>(value);
  if (!number || !std::isfinite(*number)) return std::string(value);
  std::string text = kind == CellKind::number ? std::string() : date_text(*number, kind, from_1904);
  return text.empty() ? shortest(*number + 0.0) : text;  // which makes 0 of -0
}

}  // namespace convoke
