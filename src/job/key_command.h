// What a program prints, without a shell: the key from a password store.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/secret.h"

namespace convoke {

/// Runs the program `command[0]`, found as a shell finds it, with standard input empty, and returns the first line that
/// it prints; it ends by itself within `patience` and before a stop is asked, or is ended. `where` is what messages are
/// about. Throws as load_key().
Secret first_line_of(const std::vector<std::string>& command, const std::string& where, Duration patience,
                     const std::stop_token& stop);

/// Kills the program that first_line_of() has started, if it runs: for who ends the process without unwinding. From any
/// thread.
void kill_key_command();

}  // namespace convoke
