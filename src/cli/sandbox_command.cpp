#include "cli/sandbox_command.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "sandbox/server.h"
#include "sandbox/spot_member_file.h"

namespace convoke {
namespace {

constexpr const char* examples =
    R"(Examples:
  convoke sandbox
      the API's own limits, on 127.0.0.1:8080
  convoke sandbox --listen 127.0.0.1:0 --limits 20/1s,1000/1m --latency 20ms..80ms --faults 500:0.02,reset-after:0.01
      what the network does to an invitation, rehearsed; the line on standard output says the port
  convoke run JOB --set api.base_url=http://127.0.0.1:8080
      against it
  convoke sandbox --addresses-known 0.9 --addresses-refused 0.01
      of the addresses that are asked for, some have no member, and of a few of these none can be made

GET /_sandbox/stats, GET /_sandbox/members and GET /_sandbox/made (members made of addresses; both JSON lines) tell what
it did. POST /_sandbox/participants?becomes=Started|Completed|Unenrolled|removed changes who takes part in courses: in
one of them with &course=ID, and only ids with that beginning with &prefix=PREFIX.)";

struct SandboxOptions {
  ServerSettings server;
  SandboxSettings sandbox;
  std::string limits = "100/10s,50000/24h";
  std::string latency = "0ms";
  std::string faults;
  std::string members;
};

std::vector<Limit> read_limits(std::string_view text) {
  std::vector<Limit> limits;
  while (text != "none" && !text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const auto limit = parse_limit(part);
    if (!limit) {
      throw Error(Exit::usage, fmt::format("not a limit: {}", json_string(excerpt(part))), "--limits",
                  "CALLS/DURATION, for example 100/10s,50000/24h; or none");
    }
    limits.push_back(*limit);
  }
  return limits;
}

void read_latency(std::string_view text, SandboxSettings& settings) {
  const auto dots = text.find("..");
  const auto low = parse_duration(text.substr(0, dots));
  const auto high = dots == std::string_view::npos ? low : parse_duration(text.substr(dots + 2));
  if (!low || !high || *low > *high) {
    throw Error(Exit::usage, fmt::format("not a latency: {}", json_string(excerpt(text))), "--latency",
                "a duration, or the lowest and the highest: 20ms..80ms");
  }
  settings.latency_low = *low;
  settings.latency_high = *high;
}

void check_prefixes(const char* option, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes) {
    if (!prefix.empty() && prefix.find_first_not_of("0123456789abcdefABCDEF-") == std::string::npos) continue;
    throw Error(Exit::usage, fmt::format("no id starts with {}", json_string(excerpt(prefix))), option,
                "the first hexadecimal digits of ids, for example 00 or dead");
  }
}

void run(SandboxOptions& options) {
  options.sandbox.limits = read_limits(options.limits);
  read_latency(options.latency, options.sandbox);
  options.sandbox.faults = parse_faults(options.faults);
  check_prefixes("--poison", options.sandbox.poison);
  check_prefixes("--ignore", options.sandbox.ignore);
  check_prefixes("--invited", options.sandbox.invited);
  check_prefixes("--started", options.sandbox.started);
  if (!options.members.empty()) options.sandbox.spot_members.listed = read_spot_members(options.members);
  serve_sandbox(options.server, options.sandbox);
}

/// Which targets there are.
void add_target_options(CLI::App& command, SandboxSettings& sandbox) {
  const auto add = [&](const std::string& option, std::vector<std::string>& ids, const std::string& words) {
    command.add_option(option, ids, words)->delimiter(',')->type_name("ID,...");
  };
  add("--courses", sandbox.courses, "only these courses exist (default: any)");
  add("--draft-courses", sandbox.draft_courses, "these courses exist, too, in Draft");
  add("--learning-paths", sandbox.learning_paths, "only these learning paths exist (default: any)");
  add("--channels", sandbox.channels, "only these channels exist (default: any)");
}

/// Who the spot members are, and how they and other lists are asked for.
void add_spot_member_options(CLI::App& command, SandboxOptions& options) {
  SandboxSettings& sandbox = options.sandbox;
  CLI::Option* members =
      command.add_option("--members", options.members, "the spot members there are, with the columns email,id")
          ->type_name("FILE");
  command
      .add_option("--addresses-known", sandbox.spot_members.share_of_addresses_known,
                  "how many of all addresses have a spot member from the start")
      ->check(CLI::Range(0.0, 1.0).description(""))
      ->type_name("SHARE")
      ->capture_default_str()
      ->excludes(members);
  command
      .add_option("--addresses-refused", sandbox.spot_members.refused_addresses,
                  "of how many of the others no member can be made")
      ->check(CLI::Range(0.0, 1.0).description(""))
      ->type_name("SHARE")
      ->capture_default_str();
  command.add_option("--first-page", sandbox.first_page, "the number of a list's first page")
      ->check(CLI::IsMember({0, 1}).description(""))
      ->type_name("0|1")
      ->capture_default_str();
  command.add_option("--page-limit", sandbox.page_limit, "a list's page holds no more items")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("N")
      ->capture_default_str();
  command.add_flag("--refuse-large-pages", sandbox.refuse_large_pages,
                   "refuse calls that ask for larger pages (400; else they are answered with fewer items)");
  command.add_option("--largest-lookup", sandbox.largest_lookup, "refuse to look up more addresses in a call (400)")
      ->type_name("N");
  command.add_option("--longest-target", sandbox.longest_target, "refuse longer request targets (414)")
      ->type_name("BYTES");
}

}  // namespace

void add_sandbox_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("sandbox", "a local stand-in of the API, for rehearsals and tests");
  const auto options = std::make_shared<SandboxOptions>();
  ServerSettings& server = options->server;
  SandboxSettings& sandbox = options->sandbox;

  command->add_option("--listen", server.listen, "where to listen; port 0 picks a free one")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command->add_option("--tls-cert", server.tls_certificate, "serve https with this certificate")->type_name("FILE");
  command->add_option("--tls-key", server.tls_key, "the key of the certificate")->type_name("FILE");
  command->add_option("--key", sandbox.key, "the key to ask for (default: any)")->type_name("KEY");
  command->add_option("--limits", options->limits, "limits of requests, all at once; or none")
      ->type_name("CALLS/DURATION,...")
      ->capture_default_str();
  command->add_option("--latency", options->latency, "how long answers take")
      ->type_name("DURATION[..DURATION]")
      ->capture_default_str();
  command
      ->add_option("--faults", options->faults,
                   "how many of the requests go wrong, and how: a status from 300 to 599 (3xx: a redirect "
                   "elsewhere), reset, reset-after, stall, truncate, garbage, slow, lost, login (a page to log in on)")
      ->type_name("KIND:SHARE,...");
  command->add_option("--seed", sandbox.seed, "of faults, latency and spot members")
      ->type_name("N")
      ->capture_default_str();

  add_target_options(*command, sandbox);
  command->add_flag("--known-fail", sandbox.calls_known_failed,
                    "a channel names those who are in it already as failed (else as added)");
  command
      ->add_option("--already", sandbox.already,
                   "what a course's call is answered whose members were all invited already")
      ->check(CLI::IsMember({200, 204}).description(""))
      ->type_name("200|204")
      ->capture_default_str();
  command->add_option("--max-ids", sandbox.max_ids, "refuse calls with more ids or addresses (413)")->type_name("N");
  command->add_option("--poison", sandbox.poison, "ids with this beginning are unknown: their call is refused (400)")
      ->delimiter(',')
      ->type_name("PREFIX,...");
  command->add_flag("--quote-poison", sandbox.quote_poison, "that refusal quotes them");
  command->add_option("--ignore", sandbox.ignore, "ids with this beginning are never invited and in no answer")
      ->delimiter(',')
      ->type_name("PREFIX,...");
  command->add_option("--invited", sandbox.invited, "ids with this beginning were invited before")
      ->delimiter(',')
      ->type_name("PREFIX,...");
  command->add_option("--started", sandbox.started, "ids with this beginning were invited before and have started")
      ->delimiter(',')
      ->type_name("PREFIX,...");
  add_spot_member_options(*command, *options);
  command->footer(examples);
  command->callback([options] { run(*options); });
}

}  // namespace convoke
