// A folder with a config file, and an environment from a table.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "job/config.h"
#include "source_rows.h"
#include "temp_folder.h"

namespace convoke {

inline Environment variables(std::map<std::string, std::string> values = {}) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

struct ConfigFolder {
  TempFolder folder;

  Config load(const std::string& toml, const std::vector<Override>& overrides = {}) const {
    return load_config(folder.write("config.toml", toml), overrides, variables());
  }
  std::string error_of_file(const std::string& toml) const {
    return error_of([&] { load(toml); });
  }
  std::string error_of_set(const std::string& key, const std::string& value) const {
    return error_of([&] { load("", {{key, value}}); });
  }
};

}  // namespace convoke
