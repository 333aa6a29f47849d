// What a TOML file, the command line's options and --set have set, each with where it was set, and read out with checks
// that say file, line and key. The only part that knows TOML.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/duration.h"
#include "job/keys.h"

namespace convoke {

/// `path` as one that stands in a file of `folder`: relative to it, with "." and ".." taken out where that is safe.
std::filesystem::path resolve(const std::filesystem::path& folder, const std::filesystem::path& path);

class SettingTable {
 public:
  /// `keys` are those that may be set; they outlive the table.
  explicit SettingTable(Keys keys) : keys_(keys) {}

  /// Throws Error no_input if the file is not there, bad_config if it is not TOML or sets an unknown key.
  void add_file(const std::filesystem::path& file);

  /// Takes those that set one of the keys, over what was set before; the others are somebody else's. The value is read
  /// as TOML if it is TOML, else as text. Relative paths are relative to the current folder.
  void add_overrides(const std::vector<Override>& overrides);

  /// A text, or a flag, from an option of the command line, which is called `option` ("--csv").
  void add_option(std::string_view key, std::string_view option, std::string value);
  void add_flag(std::string_view key, std::string_view option, bool value);

  // Each returns nothing if the key is not set, and throws Error bad_config if it is set to something else.
  std::optional<std::string> text(std::string_view key) const;  ///< never empty
  std::optional<bool> flag(std::string_view key) const;
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  std::optional<Duration> duration(std::string_view key, Duration low, Duration high) const;
  std::optional<std::vector<std::string>> texts(std::string_view key) const;
  std::optional<std::filesystem::path> path(std::string_view key) const;  ///< resolved
  std::optional<std::string> word(std::string_view key,
                                  std::span<const std::string_view> words) const;  ///< one of them

  bool has(std::string_view key) const { return find(key) != nullptr; }
  bool is_integer(std::string_view key) const;
  bool is_overridden(std::string_view key) const;  ///< set by --set
  std::string where(std::string_view key) const;  ///< "FILE:LINE: KEY", "--set KEY", "--csv"; unset: "FILE: KEY" or KEY

  /// Throws Error bad_config about `key`.
  [[noreturn]] void fail(std::string_view key, std::string what, std::string hint = {}) const;

 private:
  struct Other {};  ///< a value of a kind that no key takes
  struct Setting {
    std::variant<Other, std::string, std::int64_t, bool, std::vector<std::string>> value;
    std::string kind;  ///< in words: "a text", "a date"
    std::string where;
    std::filesystem::path folder;    ///< what a relative path is relative to
    std::optional<std::string> raw;  ///< the VALUE of --set as it was written
  };
  struct Reader;  ///< from toml++ to settings

  const Setting* find(std::string_view key) const;
  template <class Value>
  std::optional<Value> get(std::string_view key, std::string_view wanted) const;
  [[noreturn]] void fail_type(std::string_view key, std::string_view wanted) const;

  Keys keys_;
  std::string file_;
  std::map<std::string, Setting, std::less<>> settings_;
};

}  // namespace convoke
