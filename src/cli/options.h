// What all commands share: the common options, and where their result goes.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/outcome.h"
#include "cli/progress.h"
#include "job/config.h"
#include "job/job.h"

namespace convoke {

struct CommonOptions {
  std::optional<std::filesystem::path> config;
  std::vector<std::string> set;
  std::optional<std::filesystem::path> ledger;
  bool json = false;
  bool quiet = false;
  int verbose = 0;

  std::vector<Override> overrides() const;
  /// The config, with --ledger over what it says; for jobs given by path also looked for beside and above them.
  Config load(const std::vector<std::string>& jobs = {}) const;
  /// The same options for a command line to come: " --config … --ledger …"; empty if none was given. A config that the
  /// environment names is one of them.
  std::string again() const;
};

/// Whether a JOB argument is a path, and not the name of a job.
bool is_job_path(const std::string& argument);

/// The value of an environment variable; the only place that asks.
std::optional<std::string> environment_variable(const std::string& name);

/// Adds --config, --set, --ledger, --json, --quiet and -v to a command.
void add_common_options(CLI::App& command, CommonOptions& options);

/// Adds --csv and what goes with it: a job without a file.
void add_list_options(CLI::App& command, JobOptions& job);

/// What `--outcome failed,rejected` names. Throws Error(usage) on a word that is no outcome, with the nearest that is.
std::vector<Outcome> outcome_list(const std::string& text);

/// A path as an operator reads it: absolute.
std::string full_path(const std::filesystem::path& path);

/// Writes a result to standard output, to its last byte. Throws Error(disk) if that fails.
void print_result(const std::string& text);

/// Prints `error: …` and `try: …` to standard error, fit for a terminal.
void print_error(const Error& error);

/// Sets up the log, on standard error: warnings; with -v also what goes on, with --quiet nothing. Each line says when.
void start_log(const CommonOptions& options);

/// Whether standard error is a terminal that may be coloured and rewritten.
bool is_lively_terminal();

/// How to show what takes long, where no option says so.
ShowProgress progress_of(const CommonOptions& options);

/// The worse of two exit codes: what nothing but a person mends before what another run may mend.
Exit worst(Exit one, Exit other);

/// The result of the command that ran, as the process's exit code.
struct ExitStatus {
  Exit code = Exit::ok;
};

void add_run_command(CLI::App& app, ExitStatus& status);
void add_plan_command(CLI::App& app, ExitStatus& status);
void add_retry_command(CLI::App& app, ExitStatus& status);
void add_verify_command(CLI::App& app, ExitStatus& status);
void add_status_command(CLI::App& app, ExitStatus& status);
void add_why_command(CLI::App& app, ExitStatus& status);
void add_export_command(CLI::App& app, ExitStatus& status);
void add_check_command(CLI::App& app, ExitStatus& status);

}  // namespace convoke
