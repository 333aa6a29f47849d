// What a program prints, without a shell: the key from a password store.
#pragma once

#include <string>
#include <vector>

#include "base/duration.h"
#include "base/secret.h"

namespace convoke {

/// Runs the program `command[0]`, found as a shell finds it, with standard input empty, and returns the first line that
/// it prints; it ends by itself within `patience`, or is killed. `where` is what messages are about. Throws Error as
/// load_key().
Secret first_line_of(const std::vector<std::string>& command, const std::string& where, Duration patience);

}  // namespace convoke
