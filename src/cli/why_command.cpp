// `convoke why`: the whole story of one member, from the ledger alone.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/known_job.h"
#include "cli/options.h"
#include "ledger/read_ledger.h"
#include "ledger/story.h"
#include "report/story_report.h"

namespace convoke {
namespace {

struct WhyCommand {
  CommonOptions common;
  std::string job;
  std::string member;
};

Exit show_why(const WhyCommand& command) {
  const Config config = command.common.load({command.job});
  const auto member = MemberId::parse(command.member);
  if (!member)
    throw Error(Exit::usage, fmt::format("not a member id: {}", excerpt(command.member)), "why",
                "a member id is a UUID");
  return read_ledger(config.ledger_path, [&](Database& database) {
    const KnownJob job = known_job(database, command.job, config, command.common);
    const auto stories = story_of(database, job.id, *member);
    if (stories.empty()) {
      throw Error(Exit::no_input, fmt::format("the job {} has no member {}", excerpt(job.name), member->text()),
                  database.path().string(), "rows that are no member ids are in the ledger's view invalid_rows");
    }
    print_result(command.common.json ? story_json(job.name, *member, stories) : story_text(job.name, *member, stories));
    return Exit::ok;
  });
}

}  // namespace

void add_why_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<WhyCommand>();
  CLI::App* why = app.add_subcommand("why", "The whole story of one member: source line, chunk, every call, outcome");
  why->add_option("JOB", command->job, "The job")->required();
  why->add_option("MEMBER-ID", command->member, "The member")->required();
  add_common_options(*why, command->common);
  why->footer("Example: convoke why members 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
  why->callback([command, &status] { status.code = show_why(*command); });
}

}  // namespace convoke
