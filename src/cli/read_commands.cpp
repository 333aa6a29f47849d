// The commands that read the ledger alone: `status`, `why` and `export`.
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

#include "base/terminal.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/outcome_list.h"
#include "ledger/export.h"
#include "ledger/jobs.h"
#include "ledger/story.h"
#include "report/status_report.h"
#include "source/member_source.h"

namespace convoke {
namespace {

// The ledger knows jobs by name; their files need not be there any more. A path means the name in that file.
std::string job_name(const std::string& argument, const Config& config, const CommonOptions& common) {
  refuse_job_overrides(common.overrides());
  return is_job_path(argument) ? load_job(argument, config, common.overrides()).name : argument;
}

JobId known_job(Database& database, const std::string& name) {
  const auto id = find_job(database, name);
  if (id) return *id;
  std::vector<std::string> names;
  SQLite::Statement query(database.handle(), "SELECT name FROM job ORDER BY name");
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  const std::string near = nearest(name, names);
  throw Error(Exit::no_input, fmt::format("the ledger knows no job called '{}'", excerpt(name)),
              database.path().string(),
              !near.empty()   ? fmt::format("did you mean {}?", near)
              : names.empty() ? "no job was run on this ledger yet"
                              : fmt::format("it knows {}", fmt::join(names, ", ")));
}

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
void refuse_to_lose(const std::string& output, Database& database, JobId job, const Config& config) {
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
  SQLite::Statement query(database.handle(), "SELECT origin FROM job WHERE job_id = ?");
  query.bind(1, job);
  query.executeStep();
  const std::string origin = query.getColumn(0).getString();
  if (is_at(origin)) refuse("the job's own file");
  if (!origin.ends_with(".toml")) return;
  std::optional<Job> known;
  try {
    known = load_job(origin, config, {});
  } catch (const Error&) {
    return;  // it is not there any more, or has no list that could be lost
  }
  if (is_at(describe_source(known->source))) refuse("the job's own list");
}

// Does what reads the ledger; that it cannot be read is said with its name.
void read_ledger(const Config& config, const std::function<void(Database&)>& look) {
  try {
    Database database = Database::open_to_read(config.ledger_path);
    look(database);
  } catch (const SQLite::Exception& exception) {
    throw reading_error(exception, config.ledger_path);
  }
}

struct StatusCommand {
  CommonOptions common;
  std::string job;
};

struct WhyCommand {
  CommonOptions common;
  std::string job;
  std::string member;
};

struct ExportCommand {
  CommonOptions common;
  std::string job;
  std::string outcomes;
  std::string format = "csv";
  std::string output = "-";
  bool gone = false;
};

void show_status(const StatusCommand& command, const Config& config, Database& database) {
  std::optional<JobId> only;
  refuse_job_overrides(command.common.overrides());
  if (!command.job.empty()) only = known_job(database, job_name(command.job, config, command.common));
  const SystemClock clock;
  LedgerStatus status = status_of(database, only, config.limits, config.api.connections, config.api.timeout, clock);
  if (config.file) status.config = std::filesystem::absolute(*config.file).lexically_normal().string();
  print_result(command.common.json ? status_json(status) : status_text(status));
}

void show_why(const WhyCommand& command) {
  const Config config = command.common.load({command.job});
  const auto member = MemberId::parse(command.member);
  if (!member)
    throw Error(Exit::usage, fmt::format("not a member id: {}", excerpt(command.member)), "why",
                "a member id is a UUID");
  read_ledger(config, [&](Database& database) {
    const std::string name = job_name(command.job, config, command.common);
    const JobId job = known_job(database, name);
    const auto stories = story_of(database, job, *member);
    if (stories.empty()) {
      throw Error(Exit::no_input, fmt::format("the job {} has no member {}", excerpt(name), member->text()),
                  database.path().string(), "rows that are no member ids are in the ledger's view invalid_rows");
    }
    print_result(command.common.json ? story_json(name, *member, stories) : story_text(name, *member, stories));
  });
}

void export_outcomes(const ExportCommand& command, const Config& config, Database& database) {
  const JobId job = known_job(database, job_name(command.job, config, command.common));
  std::vector<Outcome> outcomes;
  if (!command.outcomes.empty()) outcomes = outcome_list(command.outcomes);
  // Whoever was withdrawn has left the list, and is asked for by that word.
  const Gone gone = command.gone ? Gone::with : Gone::without;
  if (outcomes.empty() && !command.gone) {
    for (const Outcome outcome : all_outcomes) {
      if (outcome != Outcome::withdrawn) outcomes.push_back(outcome);
    }
  }
  const ExportFormat format = command.format == "csv" ? ExportFormat::csv : ExportFormat::jsonl;
  if (command.output == "-") {
    std::signal(SIGPIPE, SIG_DFL);  // `convoke export … | head` ends like any other filter
    const bool is_terminal = ::isatty(STDOUT_FILENO) != 0;
    export_outcomes(database, job, outcomes, gone, format,
                    [&](const std::string& text) { print_result(is_terminal ? printable_lines(text) : text); });
    return;
  }
  if (std::error_code ignored;
      std::filesystem::exists(command.output, ignored) && !std::filesystem::is_regular_file(command.output, ignored)) {
    throw Error(Exit::usage, "not a regular file", command.output, "leave --output out, and let the shell redirect");
  }
  refuse_to_lose(command.output, database, job, config);
  WholeFile file(command.output);
  export_outcomes(database, job, outcomes, gone, format, [&](const std::string& text) { file.write(text); });
  file.put_in_place();
}

}  // namespace

void add_status_command(CLI::App& app, ExitStatus&) {
  auto command = std::make_shared<StatusCommand>();
  CLI::App* status = app.add_subcommand("status", "Where jobs stand, from the ledger alone");
  status->add_option("JOB", command->job, "One job; default: all");
  add_common_options(*status, command->common);
  status->footer("Example: convoke status members");
  status->callback([command] {
    const Config config = command->common.load({command->job});
    read_ledger(config, [&](Database& database) { show_status(*command, config, database); });
  });
}

void add_why_command(CLI::App& app, ExitStatus&) {
  auto command = std::make_shared<WhyCommand>();
  CLI::App* why = app.add_subcommand("why", "The whole story of one member: source line, chunk, every call, outcome");
  why->add_option("JOB", command->job, "The job")->required();
  why->add_option("MEMBER-ID", command->member, "The member")->required();
  add_common_options(*why, command->common);
  why->footer("Example: convoke why members 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
  why->callback([command] { show_why(*command); });
}

void add_export_command(CLI::App& app, ExitStatus&) {
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
  exporting->callback([command] {
    const Config config = command->common.load({command->job});
    read_ledger(config, [&](Database& database) { export_outcomes(*command, config, database); });
  });
}

}  // namespace convoke
