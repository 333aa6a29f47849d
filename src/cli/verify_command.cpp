// `convoke verify`: the ledger held against the API's own list of participants.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/spill_file.h"
#include "base/text.h"
#include "cli/known_job.h"
#include "cli/options.h"
#include "cli/run_job.h"
#include "cli/run_loop.h"
#include "cli/whole_file.h"
#include "ledger/job_lock.h"
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
  explicit ExtraLines(const std::filesystem::path& folder)
      : file_(folder, "the ledger's folder must have room for some 60 bytes for each who is not in the list") {}
  void add(const std::string& line) {
    file_.append(line.data(), line.size());
    size_ += line.size();
  }
  void print() {
    std::string block(1U << 16U, '\0');
    for (std::size_t at = 0; at < size_; at += block.size()) {
      block.resize(std::min(block.size(), size_ - at));
      file_.read(block.data(), block.size(), at);
      print_result(block);
    }
  }

 private:
  SpillFile file_;
  std::size_t size_ = 0;
};

// The API has no list of who is in a learning path or a channel.
void refuse_others(Database& database, JobId job, const std::string& name) {
  if (!has_other_targets(database, job)) return;
  throw Error(
      Exit::bad_config,
      fmt::format("{} invites to what is no course, and of courses alone the API lists who takes part", excerpt(name)),
      "verify", "there is nothing to hold the ledger against; convoke status says what the ledger knows");
}

NextStep next_after(const VerifyReport& report, const VerifyCommand& command, const std::string& argument) {
  const std::string options = command.common.again();
  const std::string job = " " + shell_word(argument);
  const std::string again =
      fmt::format("convoke verify{}{}{}{}", job, command.diff.empty() ? "" : " --diff " + shell_word(command.diff),
                  command.extra ? " --extra" : "", options);
  switch (report.end.by) {
    case StoppedBy::nothing:
      break;
    case StoppedBy::course_refused:
    case StoppedBy::misconfigured:
    case StoppedBy::key_refused:
    case StoppedBy::account_refused:
      return {again, "once that is mended"};
    default:
      return {again,
              report.end.next_call ? "from " + format_time(*report.end.next_call) + " on" : "it goes on where it was"};
  }
  const CourseSeen all = sum_of(report.courses);
  const Books& books = report.books;
  if (!all.is_sure) return {again, "when nobody joins or leaves meanwhile"};
  if (all.absent > 0 && command.diff.empty())
    return {fmt::format("convoke verify{} --diff {}{}", job, shell_word(report.job + ".diff"), options),
            "who is not there: the lines that begin with -"};
  if (books.of(Outcome::pending) + books.in_list_of(Outcome::failed) > 0 || !is_list_known(books))
    return {"convoke run" + job + options, ""};
  if (books.in_list_of(Outcome::in_doubt) > 0) return {"convoke retry" + job + " --outcome in_doubt" + options, ""};
  for (const Outcome outcome : {Outcome::rejected, Outcome::unknown}) {
    if (books.in_list_of(outcome) > 0)
      return {fmt::format("convoke export {} --outcome {}{}", shell_word(report.job), name_of(outcome), options), ""};
  }
  return {};
}

// As the job's file says, if it is there still.
bool ignores_invalid(const KnownJob& job, const Config& config) {
  if (!job.origin.ends_with(".toml")) return false;
  try {
    return load_job(job.origin, config, {}).list_rules.ignore_invalid;
  } catch (const Error&) {
    return false;
  }
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
  settings.ignore_invalid = report.ignores_invalid = ignores_invalid(job, config);
  settings.folder = std::filesystem::absolute(config.ledger_path).parent_path();
  std::optional<WholeFile> diff;
  if (!command.diff.empty()) {
    refuse_to_lose(command.diff, {"a diff", "diff of verify", "--diff", is_diff}, database, job, config);
    diff.emplace(command.diff);
  }
  std::optional<ExtraLines> extra;
  if (command.extra && !command.common.json && !command.common.quiet) extra.emplace(settings.folder);
  std::string block;  // of the diff
  settings.tell = [&](const Seen& seen) {
    const bool is_extra = seen.is == Seen::Is::extra;
    if (is_extra && !command.extra) return;
    if (is_extra && extra) extra->add(diff_line(seen));
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
  if (extra) extra->print();
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
      Database database = open_to_send(config.ledger_path, config.api.base_url, interruption);
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
  verify->callback([command, verify, &status] {
    if (verify->count("--diff") > 0 && (command->diff.empty() || command->diff == "-"))
      throw Error(Exit::usage, "the name of a file is missing", "--diff", "such as --diff members.diff");
    status.code = run(*command);
  });
}

}  // namespace convoke
