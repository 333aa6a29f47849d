// Where the API's key is, and fetching it from there: an environment variable, a file, a credential of systemd, or what
// a command prints. What was fetched is wiped where it is held; none of it is in a message.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/secret.h"

namespace convoke {

/// The value of an environment variable, if it is set: getenv in the program, a table in tests.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Where the API key is to be found; never the key. One of file, credential and command, else the variable.
struct KeyLocation {
  std::string variable = "MELTINGSPOT_API_KEY";
  std::optional<std::filesystem::path> file;
  std::optional<std::string> credential;  ///< a file of this name in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=)
  std::vector<std::string> command;       ///< a program and its arguments; its first line is the key; empty: none
  std::string where = "api.key_env";      ///< the setting, for messages
};

/// How long a command may take, or whoever writes the key into a pipe: somebody may have to type a passphrase.
inline constexpr Duration key_command_patience = std::chrono::seconds(60);

/// Fetches the key, for the commands that call the API. Throws Error bad_config if it is not there, empty, or can be no
/// key; if others than the file's owner and group can read or change it; if the command cannot be started, fails (the
/// first line that it says on standard error is told) or takes longer than `patience`; disk if the system has no
/// process or file left for it; ReadingStopped when a stop is asked meanwhile.
Secret load_key(const KeyLocation& location, const Environment& environment, Duration patience = key_command_patience,
                const std::stop_token& stop = {});

}  // namespace convoke
