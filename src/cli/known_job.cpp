#include "cli/known_job.h"

#include <fmt/format.h>

#include "base/text.h"

namespace convoke {

KnownJob known_job(Database& database, const std::string& argument, const Config& config, const CommonOptions& common) {
  refuse_job_overrides(common.overrides());
  // The ledger knows jobs by name; their files need not be there any more.
  const std::string name = is_job_path(argument) ? load_job(argument, config, common.overrides()).name : argument;
  std::vector<std::string> names;
  for (KnownJob& job : known_jobs(database)) {
    if (job.name == name) return std::move(job);
    names.push_back(std::move(job.name));
  }
  const std::string near = nearest(name, names);
  throw Error(Exit::no_input, fmt::format("the ledger knows no job called '{}'", excerpt(name)),
              database.path().string(),
              !near.empty()   ? fmt::format("did you mean {}?", near)
              : names.empty() ? "no job was run on this ledger yet"
                              : fmt::format("it knows {}", fmt::join(names, ", ")));
}

}  // namespace convoke
