#include "job/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <charconv>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "job/setting_table.h"
#include "source/input_file.h"

namespace convoke {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && rest == text.data() + text.size() && port > 0;
}

// One address is one text, however it was written: the ledger keeps it and holds others against it.
std::string written_alike(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const auto authority = url.find("://") + 3;
  const auto path = std::min(url.find('/', authority), url.size());
  std::string head = url.substr(0, path);
  for (char& c : head) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const std::string default_port = head.starts_with("https:") ? ":443" : ":80";
  if (head.ends_with(default_port)) head.resize(head.size() - default_port.size());
  return head + url.substr(path);
}

std::string read_base_url(const SettingTable& table, std::string otherwise) {
  constexpr std::string_view key = "api.base_url";
  auto text = table.text(key);
  if (!text) return otherwise;
  constexpr auto hint = "for example \"https://openapi.meltingspot.io\"";
  const auto url = boost::urls::parse_uri(*text);
  // The text is not repeated: it may hold a password.
  if (!url) table.fail(key, "is not a URL", hint);
  if (url->scheme() != "http" && url->scheme() != "https") table.fail(key, "must be an http or https URL", hint);
  if (url->host().empty()) table.fail(key, "names no host", hint);
  if (url->has_userinfo()) table.fail(key, "must not hold a user or password", hint);
  if (url->has_query() || url->has_fragment()) table.fail(key, "must not have a query or a fragment", hint);
  if (url->has_port() && !is_port(url->port())) table.fail(key, "has no valid port", hint);
  return written_alike(*text);
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

KeyLocation read_key_location(const SettingTable& table) {
  KeyLocation location;
  const bool both = table.has("api.key_env") && table.has("api.key_file");
  const bool file_set = table.is_overridden("api.key_file");
  const bool variable_set = table.is_overridden("api.key_env");
  if (both && file_set == variable_set) {
    table.fail("api.key_file", "stands beside api.key_env, and the key can be in one place only", "remove one of them");
  }
  const bool file_wins = !both || file_set;  // a --set displaces what the file says
  if (auto file = table.path("api.key_file"); file && file_wins) {
    location.file = std::move(file);
    location.where = table.where("api.key_file");
    return location;
  }
  if (auto variable = table.text("api.key_env")) {
    if (!is_variable_name(*variable)) {
      table.fail("api.key_env", "must be the name of an environment variable",
                 "the key itself never stands in a file of ours");
    }
    location.variable = std::move(*variable);
  }
  location.where = table.where("api.key_env");
  return location;
}

void read_api(const SettingTable& table, ApiSettings& api) {
  api.base_url = read_base_url(table, std::move(api.base_url));
  api.timeout = table.duration("api.timeout", 1s, 1h).value_or(api.timeout);
  api.connections = static_cast<int>(table.integer("api.connections", 1, 1000).value_or(api.connections));
  if (const auto file = table.path("api.ca_file")) api.ca_file = file->string();
  if (table.has("api.proxy")) {
    table.fail("api.proxy", "is not supported yet", "remove it");
  }
}

void read_limits(const SettingTable& table, LimitSettings& limits) {
  if (const auto texts = table.texts("limits.calls")) {
    limits.calls.clear();
    for (const std::string& text : *texts) {
      const auto limit = parse_limit(text);
      if (!limit) {
        table.fail("limits.calls", fmt::format("\"{}\" is not a limit", excerpt(text, 40)),
                   "calls and the time in which they may go out: \"100/10s\"");
      }
      limits.calls.push_back(*limit);
    }
  }
  limits.reserve =
      static_cast<int>(table.integer("limits.reserve", 0, std::numeric_limits<int>::max()).value_or(limits.reserve));
  if (limits.reserve == 0) return;
  if (limits.calls.empty()) table.fail("limits.reserve", "needs a limit in limits.calls to be part of");
  const Limit& longest = *std::max_element(limits.calls.begin(), limits.calls.end(),
                                           [](const Limit& a, const Limit& b) { return a.window < b.window; });
  if (limits.reserve >= longest.calls) {
    table.fail("limits.reserve", fmt::format("must be less than the {} calls of the longest limit, {}", longest.calls,
                                             format_limit(longest)));
  }
}

void read_retry(const SettingTable& table, RetrySettings& retry) {
  retry.attempts = static_cast<int>(table.integer("retry.attempts", 1, 100).value_or(retry.attempts));
  retry.first = table.duration("retry.first", 1ms, 24h).value_or(retry.first);
  retry.longest = table.duration("retry.longest", 1ms, 24h).value_or(retry.longest);
  retry.patience = table.duration("retry.patience", 0ms, 7 * 24h).value_or(retry.patience);
  if (retry.first > retry.longest) {
    table.fail(table.has("retry.longest") ? "retry.longest" : "retry.first",
               fmt::format("retry.first ({}) must not be longer than retry.longest ({})", format_duration(retry.first),
                           format_duration(retry.longest)));
  }
}

void read_run(const SettingTable& table, RunSettings& run) {
  run.retry_failed = table.flag("run.retry_failed").value_or(run.retry_failed);
  constexpr std::string_view key = "run.max_failures";
  if (!table.has(key)) return;
  if (table.is_integer(key)) {
    run.max_failures = MaxFailures{*table.integer(key, 0, std::numeric_limits<std::int64_t>::max()), 0};
    return;
  }
  const std::string text = *table.text(key);
  double percent = -1;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), percent, std::chars_format::fixed);
  const bool is_share = error == std::errc{} && std::string_view(rest, text.data() + text.size()) == "%";
  if (!is_share || !(percent >= 0 && percent <= 100)) {
    table.fail(key, fmt::format("must be a number of members, or a share of them from \"0%\" to \"100%\", not \"{}\"",
                                excerpt(text, 40)));
  }
  run.max_failures = MaxFailures{0, percent / 100};
}

std::optional<fs::path> find_above(const fs::path& file) {
  std::error_code ignored;
  for (fs::path folder = fs::absolute(file).parent_path();; folder = folder.parent_path()) {
    if (fs::path config = folder / "config.toml"; fs::exists(config, ignored)) return config;
    if (folder == folder.parent_path()) return std::nullopt;
  }
}

std::optional<fs::path> find_file(const std::optional<fs::path>& named, const Environment& environment,
                                  const std::vector<fs::path>& job_files) {
  if (named) return named;
  if (auto path = environment("CONVOKE_CONFIG"); path && !path->empty()) return fs::path(*path);
  std::error_code ignored;
  if (fs::exists("config.toml", ignored)) return fs::path("config.toml");
  std::optional<fs::path> found;
  for (const fs::path& job : job_files) {
    const auto above = find_above(job);
    if (&job != &job_files.front() && above != found) {
      throw Error(Exit::usage,
                  fmt::format("the jobs have different configs: {} and {}", found ? found->string() : "none",
                              above ? above->string() : "none"),
                  {}, "run them one by one, or say which with --config");
    }
    found = above;
  }
  return found;
}

/// A variable that is written like one may be named; another may be the key itself, put in the wrong place.
std::string describe_variable(const std::string& name) {
  const bool harmless =
      std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
  return harmless ? "the environment variable " + name : "the environment variable that it names";
}

std::string read_key_file(const fs::path& file, const std::string& where) {
  constexpr std::size_t longest = 64UL * 1024;
  std::string content(longest, '\0');
  try {
    InputFile input(file.string());
    content.resize(input.read(content.data(), content.size()));
  } catch (const Error& error) {
    throw Error(Exit::bad_config, error.what(), where, error.hint());
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  return content;
}

}  // namespace

Config load_config(const std::optional<fs::path>& named, const std::vector<Override>& overrides,
                   const Environment& environment, const std::vector<fs::path>& job_files) {
  check_overrides(overrides);
  Config config;
  config.file = find_file(named, environment, job_files);
  SettingTable table(config_keys);
  if (config.file) {
    table.add_file(*config.file);
    config.folder = config.file->has_parent_path() ? config.file->parent_path() : fs::path(".");
  }
  table.add_overrides(overrides);
  read_api(table, config.api);
  config.key = read_key_location(table);
  read_limits(table, config.limits);
  read_retry(table, config.retry);
  read_run(table, config.run);
  config.ledger_path = table.path("ledger.path").value_or(resolve(config.folder, "convoke.db"));
  config.keep_profile = table.flag("ledger.keep_profile").value_or(false);
  return config;
}

std::string load_key(const Config& config, const Environment& environment) {
  const KeyLocation& location = config.key;
  std::string key;
  std::string place;
  if (location.file) {
    place = location.file->string();
    key = read_key_file(*location.file, location.where);
  } else {
    place = describe_variable(location.variable);
    const auto value = environment(location.variable);
    if (!value) {
      throw Error(Exit::bad_config, fmt::format("there is no API key: {} is not set", place), location.where,
                  "export it, or name a file that holds the key: api.key_file");
    }
    key = *value;
  }
  if (key.empty()) throw Error(Exit::bad_config, fmt::format("the API key in {} is empty", place), location.where);
  // It becomes a header line as it is; and what has blanks in it is a sentence, a list, or "Bearer …", not the bare
  // key.
  const bool sound = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!sound) {
    throw Error(Exit::bad_config,
                fmt::format("the API key in {} holds blanks, control characters or other than ASCII", place),
                location.where, "put the bare key there and nothing else");
  }
  return key;
}

}  // namespace convoke
