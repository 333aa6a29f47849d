#include "job/config.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "config_folder.h"

using namespace convoke;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// The current folder for one test.
struct CurrentFolder {
  fs::path before = fs::current_path();
  explicit CurrentFolder(const fs::path& folder) { fs::current_path(folder); }
  ~CurrentFolder() { fs::current_path(before); }
};

}  // namespace

TEST_CASE("without a config all has a default") {
  const TempFolder empty;
  const CurrentFolder here(empty.path());
  const Config config = load_config({}, {}, variables());
  CHECK(config.api.base_url == "https://openapi.meltingspot.io");
  CHECK(config.api.key.empty());
  CHECK(config.key.variable == "MELTINGSPOT_API_KEY");
  CHECK(config.api.timeout == 30s);
  CHECK(config.api.connections == 8);
  CHECK(config.limits.calls == std::vector<Limit>{{100, 10s}, {50'000, 24h}});
  CHECK(config.limits.reserve == 0);
  CHECK(config.retry.attempts == 6);
  CHECK(config.retry.first == 500ms);
  CHECK(config.retry.longest == 60s);
  CHECK(config.retry.patience == 5min);
  CHECK_FALSE(config.run.max_failures);
  CHECK(config.ledger_path == "convoke.db");
  CHECK_FALSE(config.keep_profile);
  CHECK_FALSE(config.file);
}

TEST_CASE("every key of the config can be set, in the file and by --set") {
  const ConfigFolder world;
  const std::string toml = R"(
[api]
base_url = "http://127.0.0.1:8080/"
key_env = "OTHER_KEY"
timeout = "5s"
connections = 1000
ca_file = "ca.pem"
[limits]
calls = ["7/3s"]
reserve = 6
[retry]
attempts = 1
first = "1ms"
longest = "2m"
patience = "1h"
[run]
max_failures = "2.5%"
[ledger]
path = "../books/ledger.db"
keep_profile = true
)";
  const std::vector<Override> overrides = {
      {"api.base_url", "http://127.0.0.1:8080/"},
      {"api.key_env", "OTHER_KEY"},
      {"api.timeout", "5s"},
      {"api.connections", "1000"},
      {"api.ca_file", world.folder.file("ca.pem")},
      {"limits.calls", "[\"7/3s\"]"},
      {"limits.reserve", "6"},
      {"retry.attempts", "1"},
      {"retry.first", "1ms"},
      {"retry.longest", "\"2m\""},
      {"retry.patience", "1h"},
      {"run.max_failures", "2.5%"},
      {"ledger.keep_profile", "true"},
      {"ledger.path", (world.folder.path().parent_path() / "books/ledger.db").string()}};
  for (const Config& config : {world.load(toml), world.load("", overrides)}) {
    CHECK(config.api.base_url == "http://127.0.0.1:8080");
    CHECK(config.key.variable == "OTHER_KEY");
    CHECK(config.api.timeout == 5s);
    CHECK(config.api.connections == 1000);
    CHECK(config.api.ca_file == world.folder.file("ca.pem"));
    CHECK(config.limits.calls == std::vector<Limit>{{7, 3s}});
    CHECK(config.limits.reserve == 6);
    CHECK(config.retry.attempts == 1);
    CHECK(config.retry.first == 1ms);
    CHECK(config.retry.longest == 2min);
    CHECK(config.retry.patience == 1h);
    REQUIRE(config.run.max_failures);
    CHECK(config.run.max_failures->share == doctest::Approx(0.025));
    CHECK(config.ledger_path == world.folder.path().parent_path() / "books/ledger.db");
    CHECK(config.keep_profile);
    CHECK(config.folder == world.folder.path());
  }
  CHECK(world.load("limits.calls = []").limits.calls.empty());
  CHECK(world.load("", {{"limits.calls", "[]"}}).limits.calls.empty());
  CHECK(world.load("run.max_failures = 12").run.max_failures->members == 12);
  CHECK(world.load("", {{"api.key_file", "/run/key"}}).key.file == "/run/key");
}

TEST_CASE("the config is the one named, else the variable's, else the one here; --set wins over all") {
  const TempFolder folder;
  const CurrentFolder here(folder.path());
  const auto connections = [](const Config& config) { return config.api.connections; };
  folder.write("named.toml", "api.connections = 1");
  folder.write("deep/variable.toml", "api.connections = 2\nledger.path = \"x.db\"");
  CHECK(connections(load_config({}, {}, variables())) == 8);
  folder.write("config.toml", "api.connections = 3");
  const Environment environment = variables({{"CONVOKE_CONFIG", "deep/variable.toml"}});
  CHECK(connections(load_config("named.toml", {}, environment)) == 1);
  CHECK(connections(load_config({}, {}, environment)) == 2);
  CHECK(load_config({}, {}, environment).ledger_path == "deep/x.db");
  CHECK(load_config({}, {{"ledger.path", "x.db"}}, environment).ledger_path == "x.db");
  CHECK(connections(load_config({}, {}, variables())) == 3);
  CHECK(connections(load_config({}, {}, variables({{"CONVOKE_CONFIG", ""}}))) == 3);
  CHECK(connections(load_config("named.toml", {{"api.connections", "4"}, {"api.connections", "5"}}, environment)) == 5);
  CHECK(contains(error_of([] { load_config("none.toml", {}, variables()); }), "66 none.toml: there is no such file"));
  CHECK(contains(error_of([] { load_config({}, {}, variables({{"CONVOKE_CONFIG", "none.toml"}})); }), "66 none.toml"));
  CHECK(contains(error_of([] { load_config("deep", {}, variables()); }), "66 deep: is a folder"));
}

TEST_CASE("what is wrong in a config is said with file, line, key and what to do") {
  struct Case {
    std::string toml;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases = {
      {"[api]\ntimout = \"3s\"", {"config.toml:2: api.timout: unknown key", "did you mean api.timeout?"}},
      {"[api]\ncolour = 1",
       {"config.toml:2: api.colour: unknown key", "[api] has base_url, allow_http, client_cert, client_key, key_env"}},
      {"[api]\nkey = \"s3cret\"", {"config.toml:2: api.key: unknown key", "key_env"}},
      {"\n[apis]\ntimeout = \"3s\"", {"config.toml:3: apis.timeout: unknown key", "did you mean api.timeout?"}},
      {"\n[colours]",
       {"config.toml:2: colours: unknown table", "the tables are [api], [limits], [retry], [run], [ledger]"}},
      {"timeout = \"3s\"", {"config.toml:1: timeout: unknown key", "timeout belongs into [api]"}},
      {"[invite]\nchunk_size = 5", {"config.toml:2: invite.chunk_size: unknown key", "that is a key of a job"}},
      {"api = 3", {"config.toml:1: api: must be a table, not a whole number", "[api]"}},
      {"[api]\ntimeout = 30", {"config.toml:2: api.timeout: must be a time from 1s to 1h, not a whole number", "30s"}},
      {"[api]\ntimeout = \"30\"", {"api.timeout: must be a time from 1s to 1h, not \"30\"", "a unit"}},
      {"[api]\ntimeout = \"2h\"", {"api.timeout: must be from 1s to 1h, not 2h"}},
      {"[api]\ntimeout = \"999ms\"", {"config.toml:2: api.timeout: must be from 1s to 1h, not 999ms"}},
      {"[api]\ntimeout = 30s", {"config.toml:2:", "expected digit, saw 's'", "texts in quotes"}},
      {"[api]\n\n[api]", {"config.toml:3:1: ", "cannot redefine existing table"}},
      {"[api]\nconnections = 0", {"config.toml:2: api.connections: must be from 1 to 1000, not 0"}},
      {"[api]\nconnections = 1001", {"must be from 1 to 1000, not 1001"}},
      {"[api]\nconnections = \"8\"", {"api.connections: must be a whole number from 1 to 1000, not a text"}},
      {"[api]\nconnections = 8.0", {"not a number with a fraction"}},
      {"[api]\nconnections.most = 8", {"api.connections: must be a whole number from 1 to 1000, not a table"}},
      {"[api]\nbase_url = 2024-01-01", {"api.base_url: must be a text in quotes, not a date or time"}},
      {"[api]\nbase_url = \"\"", {"api.base_url: must not be empty"}},
      {"[api]\nbase_url = \"openapi.meltingspot.io\"", {"api.base_url: is not a URL", "https://"}},
      {"[api]\nbase_url = \"ftp://host\"", {"api.base_url: must be an http or https URL"}},
      {"[api]\nbase_url = \"https:/v1\"", {"api.base_url: names no host"}},
      {"[api]\nbase_url = \"https://u:p@host\"", {"api.base_url: must not hold a user or password"}},
      {"[api]\nbase_url = \"https://host?x=1\"", {"api.base_url: must not have a query"}},
      {"[api]\nbase_url = \"https://host:99999\"", {"api.base_url: has no valid port"}},
      {"[api]\nproxy = \"socks5://p\"", {"config.toml:2: api.proxy: only http:// proxies are spoken to"}},
      {"[api]\nbase_url = \"http://example.org\"", {"config.toml:2: api.base_url: is http", "allow_http = true"}},
      {"[api]\nclient_key = \"k\"", {"config.toml:2: api.client_key: goes with api.client_cert"}},
      {"[api]\nkey_env = \"A\"\nkey_file = \"k\"", {"config.toml:3: api.key_file: stands beside api.key_env"}},
      {"[api]\nkey_credential = \"k\"\nkey_command = [\"pass\"]",
       {"config.toml:3: api.key_command: stands beside api.key_credential"}},
      {"[api]\nkey_credential = \"../k\"", {"config.toml:2: api.key_credential: must be the name of a credential"}},
      {"[api]\nkey_command = []", {"config.toml:2: api.key_command: must be a program and its arguments"}},
      {"[api]\nkey_command = \"pass show x\"", {"config.toml:2: api.key_command: must be a list of texts"}},
      {"[api]\nkey_env = \"sk-12/34\"", {"api.key_env: must be the name of an environment variable"}},
      {"[limits]\ncalls = \"100/10s\"", {"limits.calls: must be a list of texts, not a text"}},
      {"[limits]\ncalls = [100]", {"limits.calls: must be a list of texts, not a list of other things"}},
      {"[limits]\ncalls = [\"100/10\"]", {"config.toml:2: limits.calls: \"100/10\" is not a limit", "100/10s"}},
      {"[limits]\nreserve = 50000",
       {"limits.reserve: must be less than the 50000 calls of the longest limit, 50000/24h"}},
      {"[limits]\nreserve = -1", {"limits.reserve: must be from 0"}},
      {"[limits]\ncalls = []\nreserve = 1", {"config.toml:3: limits.reserve: needs a limit"}},
      {"[retry]\nattempts = 101", {"retry.attempts: must be from 1 to 100, not 101"}},
      {"[retry]\nfirst = \"2m\"", {"retry.first (2m) must not be longer than retry.longest (1m)"}},
      {"[retry]\nfirst = \"0s\"", {"retry.first: must be from 1ms to 24h"}},
      {"[run]\nmax_failures = \"5\"", {"run.max_failures: must be a number of members, or a share", "not \"5\""}},
      {"[run]\nmax_failures = \"101%\"", {"run.max_failures: must be"}},
      {"[run]\nmax_failures = \"nan%\"", {"run.max_failures: must be"}},
      {"[run]\nmax_failures = -1", {"run.max_failures: must be from 0"}},
      {"[ledger]\nkeep_profile = \"yes\"", {"ledger.keep_profile: must be true or false, without quotes, not a text"}},
  };
  const ConfigFolder world;
  for (const Case& one : cases) {
    CAPTURE(one.toml);
    const std::string error = world.error_of_file(one.toml);
    CAPTURE(error);
    CHECK(error.starts_with("78 "));
    for (const std::string& part : one.parts) CHECK(contains(error, part));
    for (const std::string secret : {"s3cret", "u:p", "sk-12"}) CHECK_FALSE(contains(error, secret));
  }
}

TEST_CASE("what is wrong in a --set is said with its key") {
  const ConfigFolder world;
  CHECK(
      contains(world.error_of_set("api.timout", "3s"), "78 --set api.timout: unknown key | did you mean api.timeout?"));
  CHECK(contains(world.error_of_set("invite.chunksize", "3"),
                 "78 --set invite.chunksize: unknown key | did you mean invite"));
  CHECK(contains(world.error_of_set("api.timeout", "3"), "78 --set api.timeout: must be a time"));
  CHECK(contains(world.error_of_set("api.timeout", "1s\n[limits]\nreserve=1"), "78 --set api.timeout: must be a time"));
  CHECK(contains(world.error_of_set("api.key", "s3cret"), "78 --set api.key: unknown key"));
  CHECK_FALSE(contains(world.error_of_set("api.key", "s3cret"), "s3cret"));
  CHECK(world.error_of_set("invite.chunk_size", "nonsense") == "no error");  // load_job's to judge
  CHECK(parse_override("a.b=c=d").key == "a.b");
  CHECK(parse_override("a.b=c=d").value == "c=d");
  CHECK(parse_override("a.b=").value.empty());
  for (const std::string text : {"", "=", "=x", "s3cret"}) {
    const std::string error = error_of([&] { parse_override(text); });
    CHECK(contains(error, "64 --set: needs KEY=VALUE"));
    CHECK_FALSE(contains(error, "s3cret"));
  }
  CHECK_NOTHROW(refuse_job_overrides({{"api.timeout", "3s"}}));
  CHECK(contains(error_of([] { refuse_job_overrides({{"course", "c"}}); }), "64 --set course: sets a key of a job"));
}
