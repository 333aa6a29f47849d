// `convoke why`: the whole story of one member, from the ledger alone.
#include <fmt/format.h>

#include "base/address.h"
#include "base/text.h"
#include "cli/known_job.h"
#include "cli/options.h"
#include "ledger/address_book.h"
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
  const auto address = member ? std::nullopt : folded_address(command.member);
  if (!member && !address) {
    throw Error(Exit::usage, fmt::format("neither a member id nor an e-mail address: {}", excerpt(command.member)),
                "why", "a member id is a UUID");
  }
  return read_ledger(config.ledger_path, [&](Database& database) {
    const KnownJob job = known_job(database, command.job, config, command.common);
    Whom whom{member, {}};
    if (address) {
      AddressBook book(&database);
      whom.key = book.key_of(*address);
      whom.member = book.find(*whom.key);
    }
    const auto stories = story_of(database, job.id, whom);
    if (stories.empty()) {
      throw Error(Exit::no_input,
                  fmt::format("the job {} has no {}", excerpt(job.name),
                              member ? "member " + member->text() : "address " + excerpt(*address)),
                  database.path().string(), "rows that are no members are in the ledger's view invalid_rows");
    }
    print_result(command.common.json ? story_json(job.name, whom, stories) : story_text(job.name, whom, stories));
    return Exit::ok;
  });
}

}  // namespace

void add_why_command(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<WhyCommand>();
  CLI::App* why = app.add_subcommand("why", "The whole story of one member: source line, chunk, every call, outcome");
  why->add_option("JOB", command->job, "The job")->required();
  why->add_option("MEMBER", command->member, "The member: an id or an e-mail address")->required();
  add_common_options(*why, command->common);
  why->footer("Example: convoke why members 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
  why->callback([command, &status] { status.code = show_why(*command); });
}

}  // namespace convoke
