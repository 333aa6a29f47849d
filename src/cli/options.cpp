#include "cli/options.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "base/text.h"

namespace convoke {
namespace {

// A proxy's user and password are for the config file: what is printed is kept by others.
std::string without_password(const std::string& setting) {
  const auto at = setting.rfind('@');
  if (!setting.starts_with("api.proxy") || at == std::string::npos) return setting;
  const auto scheme = setting.find("://");
  const auto begin = scheme == std::string::npos ? setting.find('=') + 1 : scheme + 3;
  return setting.substr(0, begin) + "***" + setting.substr(at);
}

}  // namespace

std::vector<Override> CommonOptions::overrides() const {
  std::vector<Override> parsed;
  for (const std::string& text : set) parsed.push_back(parse_override(text));
  return parsed;
}

Config CommonOptions::load(const std::vector<std::string>& jobs) const {
  std::vector<std::filesystem::path> job_files;
  std::copy_if(jobs.begin(), jobs.end(), std::back_inserter(job_files), is_job_path);
  Config loaded = load_config(config, overrides(), environment_variable, job_files);
  if (ledger) {
    check_ledger_name(ledger->string(), "--ledger");
    loaded.ledger_path = *ledger;
  }
  return loaded;
}

std::string CommonOptions::again() const {
  std::string text;
  const auto named = environment_variable("CONVOKE_CONFIG");
  const auto file = config ? config->string() : named.value_or("");
  if (!file.empty()) text += " --config " + shell_word(file);
  if (ledger) text += " --ledger " + shell_word(ledger->string());
  for (const std::string& one : set) text += " --set " + shell_word(without_password(one));
  return text;
}

bool is_job_path(const std::string& argument) {
  return argument.find('/') != std::string::npos || argument.ends_with(".toml");
}

void print_error(const Error& error) {
  // Names of files and columns are not ours: nothing in them may act on a terminal.
  constexpr std::size_t longest = 1000;
  std::string text = fmt::format("error: {}\n", excerpt(error.what(), longest));
  if (!error.hint().empty()) text += fmt::format("try: {}\n", excerpt(error.hint(), longest));
  std::fputs(text.c_str(), stderr);  // never throws, unlike fmt::print, where nothing takes it
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

void add_common_options(CLI::App& command, CommonOptions& options) {
  command
      .add_option("--config", options.config,
                  "The config file; default: $CONVOKE_CONFIG, else ./config.toml, else beside or "
                  "above the job's file")
      ->type_name("FILE");
  command.add_option("--set", options.set, "Set any key of config or job, e.g. api.timeout=10s; may be repeated")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--ledger", options.ledger, "The ledger, instead of the config's")->type_name("FILE");
  command.add_flag("--json", options.json, "Print the result as one JSON object");
  command.add_flag("-q,--quiet", options.quiet, "No progress, no log; nothing at all if everybody is invited");
  command.add_flag("-v,--verbose", options.verbose, "Log what goes on");
}

void add_list_options(CLI::App& command, JobOptions& job) {
  auto* csv =
      command.add_option("--csv", job.csv, "A list instead of a job file; - is standard input")->type_name("FILE");
  const auto add = [&command, csv](const char* name, std::optional<std::string>& value, const char* type,
                                   const char* text) {
    command.add_option(name, value, std::string("With --csv: ") + text)->type_name(type)->needs(csv);
  };
  add("--course", job.course, "ID", "the course");
  add("--course-column", job.course_column, "COLUMN", "the column that names the course");
  add("--member-column", job.member_column, "COLUMN", "the column with the ids; default: spotMemberId");
  add("--email-column", job.email_column, "COLUMN", "the column with e-mail addresses, for rows without an id");
  add("--name", job.name, "NAME", "what the job is called; default: by the list and the course");
  add("--delimiter", job.delimiter, "CHARACTER", "what is between fields, such as \";\" or tab; default: as it looks");
  command.add_flag("--no-header", job.no_header, "With --csv: the first line is a member; columns go by number")
      ->needs(csv);
  command.add_flag("--email-notification", job.email_notification, "With --csv: MeltingSpot mails each invited member")
      ->needs(csv);
}

std::vector<Outcome> outcome_list(const std::string& text) {
  std::vector<Outcome> outcomes;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto outcome = outcome_named(word);
    if (!outcome) {
      const std::string near = nearest(word, outcome_names);
      throw Error(Exit::usage, fmt::format("no outcome is called '{}'", excerpt(word)), "--outcome",
                  near.empty() ? fmt::format("one of {}", fmt::join(outcome_names, ", "))
                               : fmt::format("did you mean {}?", near));
    }
    if (std::find(outcomes.begin(), outcomes.end(), *outcome) == outcomes.end()) outcomes.push_back(*outcome);
  }
  if (outcomes.empty()) throw Error(Exit::usage, "no outcome is given", "--outcome");
  return outcomes;
}

std::string full_path(const std::filesystem::path& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

void print_result(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw Error(Exit::disk, std::strerror(errno), "standard output");
    done += static_cast<std::size_t>(written);
  }
}

void start_log(const CommonOptions& options) {
  auto log = std::make_shared<spdlog::logger>("convoke", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l: %v", spdlog::pattern_time_type::utc);
  log->set_level(options.quiet ? spdlog::level::off : options.verbose > 0 ? spdlog::level::info : spdlog::level::warn);
  log->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(log));
}

Exit worst(Exit one, Exit other) {
  constexpr std::array from_best = {Exit::ok,          Exit::incomplete, Exit::try_later,  Exit::api_unavailable,
                                    Exit::usage,       Exit::no_input,   Exit::bad_source, Exit::bad_config,
                                    Exit::key_refused, Exit::disk,       Exit::defect};
  const auto place = [&](Exit exit) { return std::find(from_best.begin(), from_best.end(), exit); };
  return place(other) > place(one) ? other : one;
}

ShowProgress progress_of(const CommonOptions& options) {
  if (options.quiet) return ShowProgress::never;
  return is_lively_terminal() ? ShowProgress::line : ShowProgress::unexpected;
}

bool is_lively_terminal() {
  const auto term = environment_variable("TERM");
  return ::isatty(STDERR_FILENO) != 0 && !environment_variable("NO_COLOR") && term && *term != "dumb";
}

}  // namespace convoke
