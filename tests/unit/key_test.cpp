#include "job/key.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "config_folder.h"
#include "source/member_source.h"

using namespace convoke;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST_CASE("the key comes from a variable or a file, and is never said") {
  const ConfigFolder world;
  const std::string secret = "s3cret-0123";
  const auto key_of = [&](const std::string& toml, const std::map<std::string, std::string>& values) {
    return load_key(world.load(toml).key, variables(values)).text();
  };
  CHECK(key_of("", {{"MELTINGSPOT_API_KEY", secret}}) == secret);
  CHECK(key_of("api.key_env = \"K\"", {{"K", secret}}) == secret);
  for (const std::string end : {"", "\n", "\r\n"}) {
    world.folder.write("key", secret + end);
    fs::permissions(world.folder.file("key"), fs::perms(0600));
    CHECK(key_of("api.key_file = \"key\"", {}) == secret);
  }
  const Config displaced = world.load("api.key_env = \"K\"", {{"api.key_file", world.folder.file("key")}});
  CHECK(load_key(displaced.key, variables()).text() == secret);

  CHECK(contains(error_of([&] { key_of("", {}); }),
                 "78 " + world.folder.file("config.toml") +
                     ": api.key_env: there is no API key: the environment variable MELTINGSPOT_API_KEY is not set"));
  CHECK(contains(error_of([&] {
                   key_of("\napi.key_env = \"K\"", {{"K", ""}});
                 }),
                 "config.toml:2: api.key_env: the API key in the environment variable K is empty"));
  CHECK(contains(error_of([&] { key_of("api.key_file = \"none\"", {}); }), "78 "));
  CHECK(contains(error_of([&] { key_of("api.key_file = \"none\"", {}); }), "none: there is no such file"));
  // The key itself where the name of its variable belongs.
  CHECK_FALSE(contains(error_of([&] { key_of("api.key_env = \"abcdef0123\"", {}); }), "abcdef0123"));
  for (const std::string& wrong :
       {secret + " x", "Bearer " + secret, secret + "\n\n", secret + "\x01", secret + "\xC3\xA9"}) {
    world.folder.write("key", wrong);
    fs::permissions(world.folder.file("key"), fs::perms(0600));
    const std::string error = error_of([&] { key_of("api.key_file = \"key\"", {}); });
    CHECK(contains(error, "78 "));
    CHECK_FALSE(contains(error, "s3cret"));
  }
  world.folder.write("key", "\n");
  CHECK(contains(error_of([&] { key_of("api.key_file = \"key\"", {}); }), "is empty"));
}

TEST_CASE("a key that can be none is refused with what is wrong with it") {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"Bearer s3cret-0123", "begins with the word Bearer | put the bare key there, without it"},
      {"bearer\ts3cret-0123", "begins with the word Bearer"},
      {"\"s3cret-0123\"",
       "stands in double quotes, which would be sent with it | put the bare key there, without them"},
      {"'s3cret-0123'\n", "stands in single quotes"},
      {"\xEF\xBB\xBFs3cret-0123", "begins with a byte order mark | save it without one"},
      {"s3cret\n0123", "holds more than one line"},
      {"s3cret-0123\n\n", "holds more than one line"},
      {"s3cret 0123", "holds blanks, control characters or other than ASCII | put the bare key there and nothing else"},
      {"s3cret\x01", "holds blanks, control"},
      {"s3cret\xC3\xA9", "holds blanks, control"}};
  for (const auto& one : wrong) {
    CAPTURE(one.first);
    const std::string error = error_of([&] { load_key({}, variables({{"MELTINGSPOT_API_KEY", one.first}})); });
    CHECK(contains(error, "78 api.key_env: the API key in the environment variable MELTINGSPOT_API_KEY " + one.second));
    CHECK_FALSE(contains(error, "s3cret"));
  }
  for (const std::string key : {"s3cret-0123\n", "s3cret-0123\r\n", "\"s3cret", "Bearer", "Bearers3cret"})
    CHECK(key.starts_with(load_key({}, variables({{"MELTINGSPOT_API_KEY", key}})).text()));
}

TEST_CASE("a key may come through a pipe, which is waited for as long as a command") {
  const ConfigFolder world;
  const std::string pipe = world.folder.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const Config config = world.load("api.key_file = \"pipe\"");
  auto writing = std::async(std::launch::async, [&] { std::ofstream(pipe) << "s3cret-" << std::flush << "0123\n"; });
  CHECK(load_key(config.key, variables()).text() == "s3cret-0123");
  writing.get();
  CHECK(contains(error_of([&] { load_key(config.key, variables(), 50ms); }),
                 "api.key_file: the API key did not come from " + pipe + " within 50 ms"));
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS(load_key(config.key, variables(), 60s, stop.get_token()), ReadingStopped);
}

TEST_CASE("a key file that everybody can read is refused, with the command that mends it; its group may read it") {
  const ConfigFolder world;
  const std::string file = world.folder.write("key", "s3cret-0123\n");
  const Config config = world.load("api.key_file = \"key\"");
  fs::permissions(file, fs::perms(0644));
  const std::string error = error_of([&] { load_key(config.key, variables()); });
  CHECK(contains(error,
                 "78 " + world.folder.file("config.toml") + ":1: api.key_file: everybody on this machine can read"));
  CHECK(contains(error, "| chmod o= " + file));
  fs::permissions(file, fs::perms(0602));
  CHECK(contains(error_of([&] { load_key(config.key, variables()); }),
                 "api.key_file: everybody on this machine can change the API key in " + file + " | chmod o= " + file));
  fs::permissions(file, fs::perms(0640));
  CHECK(load_key(config.key, variables()).text() == "s3cret-0123");
}

TEST_CASE("the key may be a credential of systemd") {
  const ConfigFolder world;
  fs::permissions(world.folder.write("meltingspot", "s3cret-0123"), fs::perms(0400));
  const Config config = world.load("api.key_credential = \"meltingspot\"");
  const std::string folder = world.folder.path().string();
  CHECK(load_key(config.key, variables({{"CREDENTIALS_DIRECTORY", folder}})).text() == "s3cret-0123");
  CHECK(contains(error_of([&] { load_key(config.key, variables()); }),
                 "api.key_credential: there is no API key: the environment variable CREDENTIALS_DIRECTORY is not set"));
  CHECK(contains(error_of([&] {
                   load_key(config.key, variables({{"CREDENTIALS_DIRECTORY", folder + "/none"}}));
                 }),
                 "there is no such file"));
}

TEST_CASE("the key may be the first line that a command prints, which no shell reads") {
  const auto key_of = [](std::vector<std::string> command, Duration patience = key_command_patience) {
    KeyLocation location;
    location.command = std::move(command);
    location.where = "config.toml:2: api.key_command";
    return load_key(location, variables(), patience).text();
  };
  const auto of_shell = [&](const std::string& script) { return key_of({"sh", "-c", script}); };
  CHECK(key_of({"echo", "s3cret-0123"}) == "s3cret-0123");
  CHECK(key_of({"printf", "%s\\r\\nlogin: me\\n", "$HOME;x"}) == "$HOME;x");
  CHECK(of_shell("cat; echo s3cret-0123; echo warning >&2") == "s3cret-0123");  // its standard input is empty
  CHECK(of_shell("yes s3cret-0123 | head -n 100000") == "s3cret-0123");         // more than a pipe holds
  CHECK(of_shell("sleep 2 & echo s3cret-0123") == "s3cret-0123");  // what it leaves behind is not waited for
  const auto error_of_shell = [&](const std::string& script) { return error_of([&] { of_shell(script); }); };
  const std::string failed = error_of_shell("echo s3cret-0123; printf 'no \\033[1m such entry\\n' >&2; exit 3");
  CHECK(contains(failed, "78 config.toml:2: api.key_command: sh ended with 3: no ?[1m such entry"));
  CHECK(contains(failed, "| by hand: sh -c 'echo"));
  // What it complains of may be the key itself.
  CHECK(contains(error_of_shell("echo s3cret-0123; printf 'no access for s3cret-0123\nmore s3cret-0123' >&2; exit 3"),
                 "sh ended with 3: no access for *********** | by hand"));
  CHECK(contains(error_of_shell("kill -9 $$"), "sh was ended by signal 9"));
  CHECK(contains(error_of_shell(":"), "the API key in what sh printed is empty"));
  CHECK(contains(error_of_shell("echo two words"), "holds blanks"));
  CHECK(contains(error_of([&] { key_of({"no-such-program-anywhere"}); }), "78 config.toml:2: api.key_command: "));
  CHECK(contains(error_of([&] { key_of({"no-such-program-anywhere"}); }), "cannot be started: No such file"));
  CHECK(contains(error_of([&] {
                   key_of({"sleep", "30"}, std::chrono::milliseconds(50));
                 }),
                 "sleep did not end within 50 ms"));
  CHECK(::waitpid(-1, nullptr, WNOHANG) < 0);  // no child is left, not even as a zombie
}
