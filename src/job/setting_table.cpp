#include "job/setting_table.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "source/input_file.h"

namespace convoke {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& file) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) throw Error(Exit::no_input, "is a folder, not a file", file.string());
  InputFile input(file.string());
  std::string content;
  constexpr std::size_t block = 16UL * 1024;
  for (std::size_t got = block; got > 0;) {
    const std::size_t size = content.size();
    content.resize(size + block);
    got = input.read(content.data() + size, block);
    content.resize(size + got);
  }
  return content;
}

std::string kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

}  // namespace

fs::path resolve(const fs::path& folder, const fs::path& path) {
  const fs::path joined = folder / path;
  const fs::path normal = joined.lexically_normal();
  // "a/../b" is "b" only if "a" is no symbolic link.
  std::error_code error;
  const bool same =
      fs::weakly_canonical(fs::absolute(joined), error) == fs::weakly_canonical(fs::absolute(normal), error) && !error;
  return same ? normal : joined;
}

struct SettingTable::Reader {
  SettingTable& table;
  std::string file;  // empty: a --set
  fs::path folder;

  void read(const toml::table& from, const std::string& prefix) {
    for (const auto& [name, node] : from) {
      const std::string key = prefix + std::string(name.str());
      const std::string where = fmt::format("{}:{}: {}", file, node.source().begin.line, excerpt(key));
      const bool is_table_name = std::any_of(table.keys_.begin(), table.keys_.end(), [&](std::string_view known) {
        return known.size() > key.size() && known.starts_with(key) && known[key.size()] == '.';
      });
      if (is_key(table.keys_, key)) {
        table.settings_[key] = setting(node, where);
      } else if (const auto* inner = node.as_table(); inner != nullptr && (is_table_name || !inner->empty())) {
        read(*inner, key + ".");
      } else if (is_table_name) {
        throw Error(Exit::bad_config, fmt::format("must be a table, not {}", kind_of(node)), where,
                    fmt::format("write [{}] on a line of its own, and its keys below", key));
      } else {
        throw Error(Exit::bad_config, node.is_table() ? "unknown table" : "unknown key", where,
                    hint_for_unknown(key, table.keys_));
      }
    }
  }

  Setting setting(const toml::node& node, std::string where) const {
    Setting setting{Other{}, kind_of(node), std::move(where), folder, {}};
    if (const auto* text = node.as_string()) setting.value = text->get();
    if (const auto* number = node.as_integer()) setting.value = number->get();
    if (const auto* flag = node.as_boolean()) setting.value = flag->get();
    if (const auto* list = node.as_array()) {
      std::vector<std::string> texts;
      for (const toml::node& element : *list) {
        if (const auto* text = element.as_string()) texts.push_back(text->get());
      }
      if (texts.size() == list->size()) {
        setting.value = std::move(texts);
      } else {
        setting.kind = "a list of other things";
      }
    }
    return setting;
  }
};

void SettingTable::add_file(const fs::path& file) {
  file_ = file.string();
  try {
    Reader{*this, file_, file.parent_path()}.read(toml::parse(content_of(file)), "");
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    throw Error(Exit::bad_config, excerpt(error.description()), fmt::format("{}:{}:{}", file_, at.line, at.column),
                "the file must be TOML: name = value, with texts in quotes");
  }
}

void SettingTable::add_overrides(const std::vector<Override>& overrides) {
  for (const Override& one : overrides) {
    if (!is_key(keys_, one.key)) continue;
    const std::string where = "--set " + one.key;
    Setting setting{one.value, "a text", where, {}, {}};
    try {
      const toml::table parsed = toml::parse("value = " + one.value);
      if (parsed.size() == 1) setting = Reader{*this, {}, {}}.setting(*parsed.get("value"), where);
    } catch (const toml::parse_error&) {
      // No TOML value: the text stands for itself, as in --set api.timeout=30s.
    }
    setting.raw = one.value;
    settings_[one.key] = std::move(setting);
  }
}

void SettingTable::add_option(std::string_view key, std::string_view option, std::string value) {
  settings_[std::string(key)] = Setting{std::move(value), "a text", std::string(option), {}, {}};
}

void SettingTable::add_flag(std::string_view key, std::string_view option, bool value) {
  settings_[std::string(key)] = Setting{value, "true or false", std::string(option), {}, {}};
}

template <class Value>
std::optional<Value> SettingTable::get(std::string_view key, std::string_view wanted) const {
  const Setting* setting = find(key);
  if (setting == nullptr) return std::nullopt;
  const auto* value = std::get_if<Value>(&setting->value);
  if (value == nullptr) fail_type(key, wanted);
  return *value;
}

std::optional<std::string> SettingTable::text(std::string_view key) const {
  const Setting* setting = find(key);
  if (setting == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(&setting->value);
  if (text == nullptr && !setting->raw) fail_type(key, "a text in quotes");
  const std::string& value = text != nullptr ? *text : *setting->raw;  // --set course=4711 is meant as text
  if (value.empty()) fail(key, "must not be empty");
  if (value.find('\0') != std::string::npos) fail(key, "must not hold a NUL");
  return value;
}

std::optional<bool> SettingTable::flag(std::string_view key) const {
  return get<bool>(key, "true or false, without quotes");
}

std::optional<std::int64_t> SettingTable::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const bool open = high == std::numeric_limits<std::int64_t>::max();
  const std::string range = open ? fmt::format("from {}", low) : fmt::format("from {} to {}", low, high);
  const auto number = get<std::int64_t>(key, "a whole number " + range);
  if (number && (*number < low || *number > high)) fail(key, fmt::format("must be {}, not {}", range, *number));
  return number;
}

std::optional<Duration> SettingTable::duration(std::string_view key, Duration low, Duration high) const {
  const Setting* setting = find(key);
  if (setting == nullptr) return std::nullopt;
  const std::string range = fmt::format("from {} to {}", format_duration(low), format_duration(high));
  constexpr std::string_view hint = "a whole number and a unit: 500ms, 30s, 50m or 24h";
  const auto* text = std::get_if<std::string>(&setting->value);
  if (text == nullptr) fail(key, fmt::format("must be a time {}, not {}", range, setting->kind), std::string(hint));
  const auto value = parse_duration(*text);
  if (!value) fail(key, fmt::format("must be a time {}, not \"{}\"", range, excerpt(*text, 40)), std::string(hint));
  if (*value < low || *value > high) fail(key, fmt::format("must be {}, not {}", range, format_duration(*value)));
  return value;
}

std::optional<std::vector<std::string>> SettingTable::texts(std::string_view key) const {
  return get<std::vector<std::string>>(key, "a list of texts");
}

std::optional<fs::path> SettingTable::path(std::string_view key) const {
  const auto value = text(key);
  if (!value) return std::nullopt;
  return resolve(find(key)->folder, *value);
}

std::optional<std::string> SettingTable::word(std::string_view key, std::span<const std::string_view> words) const {
  auto value = text(key);
  if (!value || std::find(words.begin(), words.end(), *value) != words.end()) return value;
  const std::string near = nearest(*value, words);
  fail(key, fmt::format("must be one of \"{}\", not \"{}\"", fmt::join(words, "\", \""), excerpt(*value, 40)),
       near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
}

bool SettingTable::is_integer(std::string_view key) const {
  const Setting* setting = find(key);
  return setting != nullptr && std::holds_alternative<std::int64_t>(setting->value);
}

bool SettingTable::is_overridden(std::string_view key) const {
  const Setting* setting = find(key);
  return setting != nullptr && setting->raw.has_value();
}

std::string SettingTable::where(std::string_view key) const {
  if (const Setting* setting = find(key)) return setting->where;
  return file_.empty() ? std::string(key) : fmt::format("{}: {}", file_, key);
}

void SettingTable::fail(std::string_view key, std::string what, std::string hint) const {
  throw Error(Exit::bad_config, std::move(what), where(key), std::move(hint));
}

const SettingTable::Setting* SettingTable::find(std::string_view key) const {
  const auto found = settings_.find(key);
  return found == settings_.end() ? nullptr : &found->second;
}

void SettingTable::fail_type(std::string_view key, std::string_view wanted) const {
  fail(key, fmt::format("must be {}, not {}", wanted, find(key)->kind));
}

}  // namespace convoke
