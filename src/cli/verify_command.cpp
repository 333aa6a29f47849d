// `convoke verify`: the ledger held against the API's own list of participants.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "base/text.h"
#include "cli/known_job.h"
#include "cli/options.h"
#include "cli/run_job.h"
#include "cli/run_loop.h"
#include "cli/whole_file.h"
#include "ledger/job_lock.h"
#include "ledger/ledger_api.h"
#include "ledger/read_ledger.h"
#include "report/verify_report.h"

namespace convoke {
namespace {

constexpr std::size_t most_extra_in_json = 10'000;

struct VerifyCommand {
  CommonOptions common;
  std::vector<std::string> jobs;
  std::string diff;
  bool extra = false;
};

// Those who are not in the list, until the ledger is written: a reader may take its time.
class ExtraLines {
 public:
  ExtraLines() : file_(std::tmpfile(), &std::fclose) {
    if (!file_) throw Error(Exit::disk, "a temporary file cannot be made", "temporary files", "make room in /tmp");
  }
  void add(const std::string& line) {
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size())
      throw Error(Exit::disk, "a temporary file cannot be written", "temporary files", "make room in /tmp");
  }
  void print() {
    std::rewind(file_.get());
    std::string block(1U << 16U, '\0');
    for (std::size_t got = 0; (got = std::fread(block.data(), 1, block.size(), file_.get())) > 0;)
      print_result(block.substr(0, got));
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

// The API has no list of who is in a learning path or a channel.
void refuse_others(Database& database, JobId job, const std::string& name) {
  Chunks chunks(database, job);
  if (!Pages(database, job, chunks).has_others()) return;
  throw Error(
      Exit::bad_config,
      fmt::format("{} invites to what is no course, and of courses alone the API lists who takes part", excerpt(name)),
      "verify", "there is nothing to hold the ledger against; convoke status says what the ledger knows");
}

NextStep next_after(const VerifyReport& report, const VerifyCommand& command, const std::string& argument) {
  const std::string options = command.common.again();
  const std::string job = " " + shell_word(argument);
  switch (report.end.by) {
    case StoppedBy::nothing:
      break;
    case StoppedBy::course_refused:
    case StoppedBy::misconfigured:
    case StoppedBy::key_refused:
    case StoppedBy::account_refused:
      return {"convoke verify" + job + options, "once that is mended"};
    default:
      return {"convoke verify" + job + options, "it goes on where it was"};
  }
  std::int64_t absent = 0;
  for (const CourseSeen& course : report.courses) absent += course.absent;
  if (absent > 0 && command.diff.empty())
    return {fmt::format("convoke verify{} --diff FILE{}", job, options), "who is not there: lines that begin with -"};
  if (report.books.of(Outcome::pending) + report.books.in_list_of(Outcome::failed) > 0)
    return {"convoke run" + job + options, ""};
  return {};
}

VerifyReport verify(Database& database, const KnownJob& job, const VerifyCommand& command, const Config& config,
                    const Interruption& interruption) {
  const SystemClock system;
  const Instant began = system.now();
  VerifyReport report;
  report.job = job.name;
  report.base_url = config.api.base_url;
  report.ledger = full_path(config.ledger_path);
  ApiSettings api = api_with_key(config, interruption);
  const auto lock = JobLock::take(database.file(), job.id);
  if (!lock) {
    report.exit = Exit::try_later;
    report.end = busy_end(database, job.id);
    return report;
  }
  if (config.keep_profile) show_profiles(database);
  VerifySettings settings;
  static_cast<SendingSettings&>(settings) = sending_settings(config, api, {});
  settings.folder = std::filesystem::absolute(config.ledger_path).parent_path();
  std::optional<WholeFile> diff;
  if (!command.diff.empty()) {
    refuse_to_lose(command.diff, {"account of each member", "--diff", is_diff}, database, job, config);
    diff.emplace(command.diff);
  }
  ExtraLines extra;
  std::string block;  // of the diff
  settings.tell = [&](const Seen& seen) {
    const bool is_extra = seen.is == Seen::Is::extra;
    if (is_extra && !command.extra) return;
    if (is_extra && !command.common.json && !command.common.quiet) extra.add(diff_line(seen));
    if (is_extra && report.extra.size() < most_extra_in_json) report.extra.push_back(seen.member.text());
    if (!diff) return;
    block += diff_line(seen);
    if (block.size() > 1U << 16U) diff->write(std::exchange(block, {}));
  };
  settings.is_told = [&] {
    if (!diff) return;
    diff->write(block);
    diff->put_in_place();
  };
  RunLoop loop(std::move(api), interruption);
  VerifyRun run(database, job.id, std::move(settings), loop.outside());
  report.run = run.id();
  const auto line = [&run] { return verify_progress_line(run.progress()); };
  Verified verified = loop.end_of(run, progress_of(command.common), line);
  report.end = std::move(verified.end);
  report.exit = verified.exit;
  report.courses = std::move(verified.courses);
  report.unread = std::move(verified.unread);
  report.books = verified.books;
  report.counts = run.counts();
  report.took = system.now() - began;
  if (!command.common.json && !command.common.quiet) extra.print();
  return report;
}

VerifyReport verify_one(const std::string& argument, const VerifyCommand& command, const Config& config,
                        const Interruption& interruption) {
  VerifyReport report;
  report.job = argument;
  report.base_url = config.api.base_url;
  try {
    return at_ledger(config.ledger_path, [&] {
      if (!std::filesystem::exists(config.ledger_path)) Database::open_to_read(config.ledger_path);  // says so
      const auto warn = [](const std::string& text) { spdlog::warn("{}", text); };
      Database database = Database::open(config.ledger_path, Durability::full, {interruption.token(), warn});
      check_api(database, config.api.base_url);
      const KnownJob job = known_job(database, argument, config, command.common);
      refuse_others(database, job.id, job.name);
      return verify(database, job, command, config, interruption);
    });
  } catch (const std::exception& failure) {
    const Error error = as_error(failure);
    print_error(error);
    report.exit = error.exit();
    report.end = {StoppedBy::error, excerpt(error.what(), 500)};
    return report;
  }
}

Exit run(const VerifyCommand& command) {
  if (!command.diff.empty() && command.jobs.size() > 1)
    throw Error(Exit::usage, "one job at a time", "--diff", "the lines of several would take each other's place");
  start_log(command.common);
  const Config config = command.common.load(command.jobs);
  const Interruption interruption{std::nullopt};
  std::vector<VerifyReport> reports;
  Exit exit = Exit::ok;
  for (const std::string& job : command.jobs) {
    VerifyReport& report = reports.emplace_back(verify_one(job, command, config, interruption));
    if (report.end.by != StoppedBy::error) report.next = next_after(report, command, job);
    exit = worst(exit, report.exit);
    if (!command.common.json && report.end.by != StoppedBy::error)
      print_result(verify_report_text(report, command.common.quiet));
    if (interruption.is_asked() || report.exit == Exit::key_refused || report.exit == Exit::disk) break;
  }
  if (command.common.json) print_result(verify_reports_json(reports, exit));
  return exit;
}

}  // namespace

void add_verify_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<VerifyCommand>();
  CLI::App* verify = app.add_subcommand("verify", "Hold the ledger against the API's own list of participants");
  verify->add_option("JOB", command->jobs, "Jobs that were run, of courses")->required();
  verify->add_option("--diff", command->diff, "Write a line a member: = as the ledger says, ! changed, - not there")
      ->type_name("FILE");
  verify->add_flag("--extra", command->extra, "List those, too, who are there and not in the list (+ in --diff)");
  add_common_options(*verify, command->common);
  verify->footer("Example: convoke verify members --diff members.diff");
  verify->callback([command, &status] { status.code = run(*command); });
}

}  // namespace convoke
