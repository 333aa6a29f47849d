// `convoke sandbox`: a local stand-in of the API, for rehearsals, the demo and tests.
#pragma once

#include <CLI/CLI.hpp>

namespace convoke {

/// Adds the command to `app`; parsing it runs it until a signal ends it. May throw Error.
void add_sandbox_command(CLI::App& app);

}  // namespace convoke
