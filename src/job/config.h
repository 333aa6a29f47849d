// config.toml: where the API is, how fast and how often it may be called, and where the ledger is. The same for all
// jobs.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/settings.h"
#include "job/keys.h"
#include "net/settings.h"
#include "run/settings.h"

namespace convoke {

/// The value of an environment variable, if it is set: getenv in the program, a table in tests.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Where the API key is to be found; never the key.
struct KeyLocation {
  std::string variable = "MELTINGSPOT_API_KEY";  ///< used if there is no file
  std::optional<std::filesystem::path> file;
  std::string where = "api.key_env";  ///< the setting, for messages
};

struct Config {
  ApiSettings api;  ///< its key is empty until load_key() is asked for it
  KeyLocation key;
  LimitSettings limits;
  RetrySettings retry;
  RunSettings run;
  std::filesystem::path ledger_path;          ///< resolved
  bool keep_profile = false;                  ///< whether names and e-mail addresses in answers are kept
  std::optional<std::filesystem::path> file;  ///< absent: all is default or --set
  std::filesystem::path folder = ".";         ///< of the file, else the current one
};

/// Reads `--config`, else $CONVOKE_CONFIG, else ./config.toml if it is there, else the config.toml beside or above one
/// of `job_files`, else takes the defaults; then --set, whose keys are all checked, also those of jobs. Throws Error
/// no_input if a file that was named is not there, bad_config with file, line and key if it is wrong, usage if the
/// job files have different configs.
Config load_config(const std::optional<std::filesystem::path>& named, const std::vector<Override>& overrides,
                   const Environment& environment, const std::vector<std::filesystem::path>& job_files = {});

/// Fetches the API key, for the commands that call the API. Throws Error bad_config if it is not there, empty, or can
/// be no key; no message holds any of it.
std::string load_key(const Config& config, const Environment& environment);

}  // namespace convoke
