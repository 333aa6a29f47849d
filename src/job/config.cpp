#include "job/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "job/setting_table.h"

namespace convoke {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// One address is one text, however it was written: the ledger keeps it and holds others against it.
std::string written_alike(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const auto authority = url.find("://") + 3;
  const auto path = std::min(url.find('/', authority), url.size());
  std::string head = lower_case(url.substr(0, path));
  const std::string default_port = head.starts_with("https:") ? ":443" : ":80";
  if (head.ends_with(default_port)) head.resize(head.size() - default_port.size());
  return head + url.substr(path);
}

std::string read_base_url(const SettingTable& table, std::string otherwise) {
  constexpr std::string_view key = "api.base_url";
  auto text = table.text(key);
  if (!text) return otherwise;
  constexpr auto hint = "for example \"https://openapi.meltingspot.io\"";
  std::string_view why;
  const auto url = parse_url(*text, why);
  // The text is not repeated: it may hold a password.
  if (!url) table.fail(key, std::string(why), hint);
  if (url->has_user_info) table.fail(key, "must not hold a user or password", hint);
  // In the clear the key, and whom it invites, are anybody's on the way.
  if (!url->tls && !is_loopback(url->host) && !table.flag("api.allow_http").value_or(false)) {
    table.fail(key, "is http, over which anybody on the way reads the key",
               "write https; if the way there is your own: allow_http = true in [api]");
  }
  return written_alike(*text);
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// Which of the settings for the key's place holds: a --set displaces what the file says.
std::string_view key_setting(const SettingTable& table) {
  constexpr std::array<std::string_view, 4> all = {"api.key_env", "api.key_file", "api.key_credential",
                                                   "api.key_command"};
  const bool is_overridden = std::any_of(all.begin(), all.end(), [&](auto key) { return table.is_overridden(key); });
  std::string_view chosen;
  for (const std::string_view key : all) {
    if (!table.has(key) || table.is_overridden(key) != is_overridden) continue;
    if (!chosen.empty()) {
      table.fail(key, fmt::format("stands beside {}, and the key can be in one place only", chosen),
                 "remove one of them");
    }
    chosen = key;
  }
  return chosen.empty() ? all.front() : chosen;
}

KeyLocation read_key_location(const SettingTable& table) {
  KeyLocation location;
  const std::string_view key = key_setting(table);
  location.where = table.where(key);
  if (key == "api.key_file") {
    location.file = table.path(key);
  } else if (key == "api.key_credential") {
    location.credential = table.text(key);
    if (location.credential->find('/') != std::string::npos || location.credential->starts_with('.')) {
      table.fail(key, "must be the name of a credential, and no path",
                 "the NAME of the unit's LoadCredential=NAME:FILE");
    }
  } else if (key == "api.key_command") {
    location.command = *table.texts(key);
    const bool is_command = !location.command.empty() && !location.command.front().empty() &&
                            std::none_of(location.command.begin(), location.command.end(),
                                         [](const std::string& word) { return word.find('\0') != std::string::npos; });
    if (!is_command) {
      table.fail(key, "must be a program and its arguments",
                 R"(such as ["pass", "show", "meltingspot"]; no shell reads it)");
    }
  } else if (auto variable = table.text(key)) {
    if (!is_variable_name(*variable)) {
      table.fail(key, "must be the name of an environment variable", "the key itself never stands in a file of ours");
    }
    location.variable = std::move(*variable);
  }
  return location;
}

void read_api(const SettingTable& table, const Environment& environment, ApiSettings& api) {
  api.base_url = read_base_url(table, std::move(api.base_url));
  api.timeout = table.duration("api.timeout", 1s, 1h).value_or(api.timeout);
  api.connections = static_cast<int>(table.integer("api.connections", 1, 1000).value_or(api.connections));
  if (const auto file = table.path("api.ca_file")) api.ca_file = file->string();
  if (const auto file = table.path("api.client_cert")) api.client_cert = file->string();
  if (const auto file = table.path("api.client_key")) api.client_key = file->string();
  if (api.client_key && !api.client_cert)
    table.fail("api.client_key", "goes with api.client_cert, which is missing",
               "name the certificate of this key, too");
  std::string_view why;
  const auto url = parse_url(api.base_url, why);
  if (!url) table.fail("api.base_url", std::string(why));
  try {
    api.proxy = proxy_for(*url, table.text("api.proxy"), environment);
  } catch (const Error& error) {
    const std::string_view key = "api.proxy";
    if (error.where() == key) table.fail(key, error.what() + key.size() + 2, error.hint());
    throw;
  }
  if (api.proxy && !url->tls && !is_loopback(api.proxy->host) && !table.flag("api.allow_http").value_or(false)) {
    throw Error(
        Exit::bad_config,
        fmt::format("leads by another machine ({}) to an http address: whoever is on the way reads the key",
                    api.proxy->text),
        api.proxy->chosen_by,
        "write https in api.base_url; if the proxy is not meant: proxy = \"none\" in [api]; if the way there is "
        "your own: allow_http = true");
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
  read_api(table, environment, config.api);
  config.key = read_key_location(table);
  read_limits(table, config.limits);
  read_retry(table, config.retry);
  read_run(table, config.run);
  if (const auto name = table.text("ledger.path")) check_ledger_name(*name, table.where("ledger.path"));
  config.ledger_path = table.path("ledger.path").value_or(resolve(config.folder, "convoke.db"));
  config.keep_profile = table.flag("ledger.keep_profile").value_or(false);
  return config;
}

void check_ledger_name(const std::string& name, const std::string& where) {
  constexpr auto hint = "name a file, such as convoke.db";
  if (name.empty()) throw Error(Exit::bad_config, "must not be empty", where, hint);
  if (name.starts_with(':') || name.starts_with("file:")) {
    throw Error(Exit::bad_config, fmt::format("{} is no file's name to SQLite", excerpt(name)), where,
                fmt::format("{}, or ./{} if a file is really called so", hint, excerpt(name)));
  }
}

}  // namespace convoke
