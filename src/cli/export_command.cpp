// `convoke export`: members with their outcomes, from the ledger alone.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/text.h"
#include "cli/known_job.h"
#include "cli/options.h"
#include "ledger/export.h"
#include "ledger/read_ledger.h"
#include "source/member_source.h"

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

// A file that is whole, or what it was before: written under a name of its own beside its place, for its owner alone,
// which nobody else can have laid out, and of which each process has another.
class WholeFile {
 public:
  explicit WholeFile(std::string place) : place_(std::move(place)), name_(place_ + ".XXXXXX") {
    file_ = ::mkostemp(name_.data(), O_CLOEXEC);
    if (file_ < 0) fail();
  }
  ~WholeFile() {
    if (file_ < 0) return;
    ::close(file_);
    ::unlink(name_.c_str());
  }
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  void write(const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t written = ::write(file_, text.data() + done, text.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      done += static_cast<std::size_t>(written);
    }
  }

  void put_in_place() {
    if (::fsync(file_) != 0 || ::rename(name_.c_str(), place_.c_str()) != 0) fail();
    ::close(std::exchange(file_, -1));
  }

 private:
  [[noreturn]] void fail() {
    throw Error(Exit::disk, fmt::format("cannot write: {}", std::strerror(errno)), place_,
                "see that its folder can be written and has room");
  }

  std::string place_;
  std::string name_;
  int file_;
};

// An export takes the place of what stands there, which is to be an earlier one, and nothing that the job lives by.
void refuse_to_lose(const std::string& output, const Database& database, const KnownJob& job, const Config& config) {
  const auto refuse = [&](const char* what) {
    throw Error(Exit::bad_config, fmt::format("an export would take the place of {}", what), output,
                "name another file with --output");
  };
  const auto is_at = [&](const std::filesystem::path& file) {
    std::error_code none;
    return std::filesystem::equivalent(output, file, none);
  };
  if (database.file().is_part(output)) refuse("the ledger, or of a file that belongs to it");
  if (config.file && is_at(*config.file)) refuse("the config");
  if (std::error_code none; std::filesystem::is_regular_file(std::filesystem::symlink_status(output, none))) {
    std::array<char, 64> beginning{};
    std::ifstream file(output, std::ios::binary);
    file.read(beginning.data(), beginning.size());
    if (!file.is_open() || !is_export({beginning.data(), static_cast<std::size_t>(file.gcount())}))
      refuse("a file that is no export");
  }
  if (is_at(job.origin)) refuse("the job's own file");
  if (!job.origin.ends_with(".toml")) return;
  std::optional<Job> known;
  try {
    known = load_job(job.origin, config, {});
  } catch (const Error&) {
    return;  // it is not there any more, or has no list that could be lost
  }
  if (is_at(describe_source(known->source))) refuse("the job's own list");
}

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
  if (std::error_code ignored;
      std::filesystem::exists(command.output, ignored) && !std::filesystem::is_regular_file(command.output, ignored)) {
    throw Error(Exit::usage, "not a regular file", command.output, "leave --output out, and let the shell redirect");
  }
  refuse_to_lose(command.output, database, job, config);
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
