// The command line: parses, runs one command, and is the one place where an Error is caught and printed.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "cli/options.h"
#include "cli/sandbox_command.h"
#include "commit.h"

namespace {

int complain(const convoke::Error& error) {
  // Names of files and columns are not ours: nothing in them may act on a terminal.
  constexpr std::size_t longest = 1000;
  fmt::print(stderr, "error: {}\n", convoke::excerpt(error.what(), longest));
  if (!error.hint().empty()) fmt::print(stderr, "try: {}\n", convoke::excerpt(error.hint(), longest));
  return static_cast<int>(error.exit());
}

}  // namespace

int main(int argc, char** argv) {
  // The key is in our memory: no core dump of it (invariant 6). And a reader that goes away is an error to report, not
  // a death.
  prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app("Invites large lists of members to MeltingSpot courses, and keeps exact books of it.", "convoke");
  app.set_version_flag("--version", "convoke " CONVOKE_VERSION " (" CONVOKE_COMMIT ")");
  app.require_subcommand(1);
  app.footer("Each command has its own --help with an example.");
  convoke::ExitStatus status;
  convoke::add_run_command(app, status);
  convoke::add_plan_command(app, status);
  convoke::add_retry_command(app, status);
  convoke::add_status_command(app, status);
  convoke::add_why_command(app, status);
  convoke::add_export_command(app, status);
  convoke::add_sandbox_command(app);
  try {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
    if (argc > 1 && argv[1][0] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end()) {
      const std::string near = convoke::nearest(argv[1], names);
      throw convoke::Error(
          convoke::Exit::usage, fmt::format("there is no command '{}'", convoke::excerpt(argv[1])), {},
          near.empty() ? fmt::format("one of {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near));
    }
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return complain({convoke::Exit::usage, error.what(), {}, "convoke --help, or --help after a command"});
  } catch (const convoke::Error& error) {
    return complain(error);
  } catch (const std::exception& error) {
    return complain({convoke::Exit::defect, error.what(), {}, "report this, with the command that led to it"});
  }
  return static_cast<int>(status.code);
}
