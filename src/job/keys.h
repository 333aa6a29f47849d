// The keys that config and job files may set, and `--set KEY=VALUE`, which sets any of them from the command line.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convoke {

inline constexpr auto config_keys = std::to_array<std::string_view>(
    {"api.base_url", "api.allow_http",     "api.client_cert", "api.client_key",   "api.key_env",
     "api.key_file", "api.key_credential", "api.key_command", "api.timeout",      "api.connections",
     "api.ca_file",  "api.proxy",          "limits.calls",    "limits.reserve",   "retry.attempts",
     "retry.first",  "retry.longest",      "retry.patience",  "run.retry_failed", "run.max_failures",
     "ledger.path",  "ledger.keep_profile"});

inline constexpr auto job_keys = std::to_array<std::string_view>({"name",
                                                                  "course",
                                                                  "learning_path",
                                                                  "channel",
                                                                  "source.csv",
                                                                  "source.header",
                                                                  "source.header_row",
                                                                  "source.delimiter",
                                                                  "source.encoding",
                                                                  "source.xlsx",
                                                                  "source.sheet",
                                                                  "source.sqlite",
                                                                  "source.query",
                                                                  "source.member_column",
                                                                  "source.email_column",
                                                                  "source.course_column",
                                                                  "source.learning_path_column",
                                                                  "source.channel_column",
                                                                  "source.min_rows",
                                                                  "source.invalid_rows",
                                                                  "invite.invited_by",
                                                                  "invite.email_notification",
                                                                  "invite.check",
                                                                  "invite.create_missing",
                                                                  "invite.member_email_notification",
                                                                  "invite.chunk_size",
                                                                  "invite.on_doubt"});

using Keys = std::span<const std::string_view>;
bool is_key(Keys keys, std::string_view key);

/// One `--set KEY=VALUE`.
struct Override {
  std::string key;
  std::string value;
};

/// Throws Error usage if `text` is not KEY=VALUE. The key is not looked up here.
Override parse_override(std::string_view text);

/// Throws Error bad_config if one of them sets no key that there is.
void check_overrides(const std::vector<Override>& overrides);

/// For commands that read no job: throws Error usage if one of them sets a key of jobs, which would go unheard.
void refuse_job_overrides(const std::vector<Override>& overrides);

/// What to try instead of the unknown `key`: the nearest one of `keys`, or where it belongs, or those of its table.
std::string hint_for_unknown(std::string_view key, Keys keys);

}  // namespace convoke
