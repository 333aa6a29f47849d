// A job: what to do. A TOML file in `jobs/`, or the options of one command.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "api/settings.h"
#include "base/target.h"
#include "job/config.h"
#include "job/keys.h"
#include "source/settings.h"

namespace convoke {

struct Job {
  std::string name;       ///< what the ledger knows it by; not empty, printable
  ListTarget target;      ///< without an id: the source has a column of them
  SourceSettings source;  ///< its path is resolved
  ListRules list_rules;
  InviteSettings invite;
  std::filesystem::path file;  ///< empty: the job came from options
};

/// Reads the job that `argument` means: a path if it has a '/' or ends in ".toml", else the name of a file in `jobs/`
/// beside the config file, then in `jobs/` of the current folder. Throws Error no_input if there is none (the hint says
/// which there are), bad_config with file, line and key if it is wrong.
Job load_job(const std::string& argument, const Config& config, const std::vector<Override>& overrides);

/// `convoke run --csv members.csv --course ID`.
struct JobOptions {
  std::string csv;  ///< relative to the current folder; "-" is standard input
  std::optional<std::string> course = {};
  std::optional<std::string> course_column = {};
  std::optional<std::string> member_column = {};
  std::optional<std::string> email_column = {};
  std::optional<std::string> name = {};
  std::optional<std::string> delimiter = {};
  bool no_header = false;
  bool email_notification = false;
};

/// A job without a file. Unless it is given a name, it is called "<stem of the list>@<course>" ("…@channel:<id>", and
/// so on, where people are invited elsewhere), or by the stem alone if the list names the targets.
Job job_from_options(const JobOptions& options, const std::vector<Override>& overrides);

}  // namespace convoke
