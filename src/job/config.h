// config.toml: where the API is, how fast and how often it may be called, and where the ledger is. The same for all
// jobs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "api/settings.h"
#include "job/key.h"
#include "job/keys.h"
#include "net/settings.h"
#include "run/settings.h"

namespace convoke {

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

/// Throws Error bad_config about `where` if `name` is none of a file: empty, or what SQLite takes for something else
/// (":memory:", a URI), and all that is recorded there would be gone with the process.
void check_ledger_name(const std::string& name, const std::string& where);

}  // namespace convoke
