#include "job/keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace convoke {
namespace {

std::string_view table_of(std::string_view key) {
  const auto dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

std::string_view name_in(std::string_view key) {
  return key.substr(key.rfind('.') + 1);  // npos + 1 is 0: all of it
}

std::vector<std::string_view> names_in(Keys keys, std::string_view table) {
  std::vector<std::string_view> names;
  for (const std::string_view key : keys) {
    if (table_of(key) == table) names.push_back(name_in(key));
  }
  return names;
}

std::vector<std::string_view> all_keys() {
  std::vector<std::string_view> all(config_keys.begin(), config_keys.end());
  all.insert(all.end(), job_keys.begin(), job_keys.end());
  return all;
}

}  // namespace

bool is_key(Keys keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

Override parse_override(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    // The text is not repeated: it may be anything, even the API key.
    throw Error(Exit::usage, "needs KEY=VALUE", "--set", "for example --set invite.chunk_size=50");
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

void check_overrides(const std::vector<Override>& overrides) {
  const std::vector<std::string_view> known = all_keys();
  for (const Override& one : overrides) {
    if (is_key(known, one.key)) continue;
    throw Error(Exit::bad_config, "unknown key", "--set " + excerpt(one.key), hint_for_unknown(one.key, known));
  }
}

void refuse_job_overrides(const std::vector<Override>& overrides) {
  for (const Override& one : overrides) {
    if (!is_key(job_keys, one.key)) continue;
    throw Error(Exit::usage, "sets a key of a job, and this command reads none", "--set " + one.key);
  }
}

std::string hint_for_unknown(std::string_view key, Keys keys) {
  if (key == "api.key")
    return "the key itself is never in a file: name what holds it with key_env, key_file, key_credential or "
           "key_command";
  if (is_key(config_keys, key)) return "that is a key of config.toml";
  if (is_key(job_keys, key)) return "that is a key of a job";
  const std::string_view table = table_of(key);
  const std::string_view name = name_in(key);
  for (const std::string_view candidate : keys) {
    if (name_in(candidate) != name) continue;
    // A table that is misspelt is likelier than a key that stands in a wrong one.
    if (!nearest(table, std::array{table_of(candidate)}).empty()) return fmt::format("did you mean {}?", candidate);
    return table_of(candidate).empty() ? fmt::format("{} stands above all [tables]", candidate)
                                       : fmt::format("{} belongs into [{}]", name, table_of(candidate));
  }
  // Names are compared within their table: its name, being right, says nothing of what was meant.
  const std::vector<std::string_view> names = names_in(keys, table);
  if (names.empty()) {
    if (const std::string near = nearest(key, keys); !near.empty()) return fmt::format("did you mean {}?", near);
  }
  if (const std::string near = nearest(name, names); !near.empty()) {
    return fmt::format("did you mean {}{}{}?", table, table.empty() ? "" : ".", near);
  }
  if (!table.empty() && !names.empty()) return fmt::format("[{}] has {}", table, fmt::join(names, ", "));
  std::vector<std::string> tables;
  for (const std::string_view candidate : keys) {
    std::string one = fmt::format("[{}]", table_of(candidate));
    if (one != "[]" && std::find(tables.begin(), tables.end(), one) == tables.end()) tables.push_back(std::move(one));
  }
  const std::vector<std::string_view> top = names_in(keys, "");
  return fmt::format("{}the tables are {}",
                     top.empty() ? "" : fmt::format("the keys are {}, and ", fmt::join(top, ", ")),
                     fmt::join(tables, ", "));
}

}  // namespace convoke
