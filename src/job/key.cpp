#include "job/key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/text.h"
#include "job/key_command.h"
#include "source/input_file.h"

namespace convoke {
namespace {

namespace fs = std::filesystem;

/// A variable that is written like one may be named; another may be the key itself, put in the wrong place.
std::string describe_variable(const std::string& name) {
  const bool harmless =
      std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
  return harmless ? "the environment variable " + name : "the environment variable that it names";
}

/// Whose key it is, everybody on the machine would know.
void check_mode(const fs::path& file, const std::string& where) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return;
  throw Error(Exit::bad_config,
              fmt::format("everybody on this machine can read the API key in {}", excerpt(file.string())), where,
              "chmod o= " + shell_word(file.string()));
}

Secret read_key_file(const fs::path& file, const std::string& where) {
  constexpr std::size_t longest = 64UL * 1024;
  Secret secret;
  std::string content(longest, '\0');
  try {
    InputFile input(file.string());
    check_mode(file, where);
    content.resize(input.read(content.data(), content.size()));
  } catch (const Error& error) {
    if (error.where() == where) throw;
    throw Error(error.exit() == Exit::disk ? Exit::disk : Exit::bad_config, error.what(), where, error.hint());
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  secret = Secret(content);
  wipe(content);
  return secret;
}

fs::path credential_file(const KeyLocation& location, const Environment& environment) {
  const auto folder = environment("CREDENTIALS_DIRECTORY");
  if (!folder || folder->empty()) {
    throw Error(
        Exit::bad_config, "there is no API key: the environment variable CREDENTIALS_DIRECTORY is not set",
        location.where,
        fmt::format("systemd sets it for a service that has LoadCredential={}:…", excerpt(*location.credential)));
  }
  return fs::path(*folder) / *location.credential;
}

}  // namespace

Secret load_key(const KeyLocation& location, const Environment& environment, Duration patience) {
  Secret key;
  std::string place;
  if (!location.command.empty()) {
    place = "what " + excerpt(location.command.front()) + " printed";
    key = first_line_of(location.command, location.where, patience);
  } else if (location.file || location.credential) {
    const fs::path file = location.file ? *location.file : credential_file(location, environment);
    place = file.string();
    key = read_key_file(file, location.where);
  } else {
    place = describe_variable(location.variable);
    auto value = environment(location.variable);
    if (!value) {
      throw Error(Exit::bad_config, fmt::format("there is no API key: {} is not set", place), location.where,
                  "export it, or name a file that holds the key: api.key_file");
    }
    key = Secret(*value);
    wipe(*value);
  }
  if (key.empty()) throw Error(Exit::bad_config, fmt::format("the API key in {} is empty", place), location.where);
  // It becomes a header line as it is; and what has blanks in it is a sentence, a list, or "Bearer …", not the bare
  // key.
  const std::string& text = key.text();
  const bool sound = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!sound) {
    throw Error(Exit::bad_config,
                fmt::format("the API key in {} holds blanks, control characters or other than ASCII", place),
                location.where, "put the bare key there and nothing else");
  }
  return key;
}

}  // namespace convoke
