// The command line: parses, runs one command, and is the one place where an Error is caught and printed.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <vector>

#include "base/text.h"
#include "cli/network_loop.h"
#include "cli/options.h"
#include "cli/sandbox_command.h"
#include "commit.h"

namespace {

int complain(const convoke::Error& error) {
  convoke::print_error(error);
  return static_cast<int>(error.exit());
}

// Words that no option or command took: the nearest ones that there are.
convoke::Error unexpected(const CLI::App& app, const CLI::ExtrasError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const auto extras = app.remaining(true);
  const std::string word = extras.empty() ? std::string() : extras.front();
  if (word.empty()) return {convoke::Exit::usage, error.what(), {}, "convoke --help, or --help after a command"};
  const std::string near = convoke::nearest(word.substr(0, word.find('=')), names);
  return {convoke::Exit::usage, fmt::format("'{}' is not understood here", convoke::excerpt(word)),
          command.get_parent() ? command.get_name() : std::string(),
          near.empty() ? fmt::format("convoke {}{}--help", command.get_parent() ? command.get_name() : "",
                                     command.get_parent() ? " " : "")
                       : fmt::format("did you mean {}?", near)};
}

// A file of ours must not come to be where messages go: `convoke run … 2>&-` would print them into the ledger.
void open_standard_files() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) < 0 && errno == EBADF)
      ::open("/dev/null", number == STDIN_FILENO ? O_RDONLY : O_WRONLY);
  }
}

// Ends the process as it stands where a thread of the system's is not to be waited for.
int leave(convoke::Exit exit) {
  if (convoke::is_anything_left_behind()) {
    std::fflush(nullptr);
    ::_exit(static_cast<int>(exit));
  }
  return static_cast<int>(exit);
}

}  // namespace

int main(int argc, char** argv) {
  // The key is in our memory: no core dump of it (invariant 6). And a reader that goes away is an error to report, not
  // a death.
  prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow fails a write, which says so
  std::signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody can tell how a key_command ended
  open_standard_files();

  CLI::App app("Invites large lists of members to MeltingSpot courses, and keeps exact books of it.", "convoke");
  app.set_version_flag("--version", "convoke " CONVOKE_VERSION " (" CONVOKE_COMMIT ")");
  app.require_subcommand(1);
  app.footer("Each command has its own --help with an example.");
  convoke::ExitStatus status;
  convoke::add_run_command(app, status);
  convoke::add_plan_command(app, status);
  convoke::add_retry_command(app, status);
  convoke::add_verify_command(app, status);
  convoke::add_status_command(app, status);
  convoke::add_why_command(app, status);
  convoke::add_export_command(app, status);
  convoke::add_check_command(app, status);
  convoke::add_sandbox_command(app);
  CLI::App* help = app.add_subcommand("help", "This, or the help of one command");
  std::string about;
  help->add_option("COMMAND", about, "The command");
  const std::string overview = app.help();
  help->callback([&app, &about, &overview] {
    const auto commands = app.get_subcommands([&](CLI::App* command) { return command->get_name() == about; });
    if (!about.empty() && commands.empty())
      throw convoke::Error(convoke::Exit::usage, fmt::format("there is no command '{}'", convoke::excerpt(about)), {},
                           "convoke help names them all");
    convoke::print_result(about.empty() ? overview : commands.front()->help("convoke"));
  });
  if (argc == 1) {
    std::fputs((overview + '\n').c_str(), stderr);
    return complain({convoke::Exit::usage, "no command", {}, "convoke help COMMAND; a first job: see README.md"});
  }
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
  } catch (const CLI::ExtrasError& error) {
    return complain(unexpected(app, error));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return complain({convoke::Exit::usage, error.what(), {}, "convoke --help, or --help after a command"});
  } catch (const std::exception& failure) {
    const convoke::Error error = convoke::as_error(failure);
    complain(error);
    return leave(error.exit());
  }
  return leave(status.code);
}
