// `convoke export`: members with their outcomes, from the ledger alone.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "cli/known_job.h"
#include "cli/options.h"
#include "cli/whole_file.h"
#include "ledger/export.h"
#include "ledger/read_ledger.h"

namespace convoke {
namespace {

struct ExportCommand {
  CommonOptions common;
  std::string job;
  std::string outcomes;
  std::string format = "csv";
  std::string output = "-";
  bool gone = false;
};

// Whoever was withdrawn has left the list, and is asked for by that word.
std::vector<Outcome> outcomes_of(const ExportCommand& command) {
  if (!command.outcomes.empty()) return outcome_list(command.outcomes);
  std::vector<Outcome> outcomes;
  if (command.gone) return outcomes;
  for (const Outcome outcome : all_outcomes) {
    if (outcome != Outcome::withdrawn) outcomes.push_back(outcome);
  }
  return outcomes;
}

void write_export(const ExportCommand& command, const Config& config, Database& database) {
  const KnownJob job = known_job(database, command.job, config, command.common);
  const auto write_to = [&, outcomes = outcomes_of(command)](const std::function<void(const std::string&)>& write) {
    export_outcomes(database, job.id, outcomes, command.gone ? Gone::with : Gone::without,
                    command.format == "csv" ? ExportFormat::csv : ExportFormat::jsonl, write);
  };
  if (command.output == "-") {
    std::signal(SIGPIPE, SIG_DFL);  // `convoke export … | head` ends like any other filter
    const bool is_terminal = ::isatty(STDOUT_FILENO) != 0;
    return write_to([&](const std::string& text) { print_result(is_terminal ? printable_lines(text) : text); });
  }
  refuse_to_lose(command.output, {"an export", "export", "--output", is_export}, database, job, config);
  WholeFile file(command.output);
  write_to([&](const std::string& text) { file.write(text); });
  file.put_in_place();
}

Exit run(const ExportCommand& command) {
  const Config config = command.common.load({command.job});
  read_ledger(config.ledger_path, [&](Database& database) { write_export(command, config, database); });
  return Exit::ok;
}

}  // namespace

void add_export_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<ExportCommand>();
  CLI::App* exporting = app.add_subcommand("export", "Members with their outcomes, as CSV or JSON lines");
  exporting->add_option("JOB", command->job, "The job")->required();
  exporting->add_option("--outcome", command->outcomes, "Only these, comma-separated")->type_name("OUTCOME,…");
  exporting->add_option("--format", command->format, "csv or jsonl")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->capture_default_str();
  exporting->add_flag("--gone", command->gone, "Also those who left the list");
  exporting->add_option("--output", command->output, "A file instead of standard output")->type_name("FILE");
  add_common_options(*exporting, command->common);
  exporting->footer("Example: convoke export members --outcome rejected,failed --output rejected.csv");
  exporting->callback([command, &status] { status.code = run(*command); });
}

}  // namespace convoke
