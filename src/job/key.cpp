#include "job/key.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/blanks.h"
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

/// Who can read the key has it, and who can change it says who invites.
void check_mode(mode_t mode, const fs::path& file, const std::string& where) {
  if ((mode & (S_IROTH | S_IWOTH)) == 0) return;
  throw Error(Exit::bad_config,
              fmt::format("everybody on this machine can {} the API key in {}",
                          (mode & S_IROTH) != 0 ? "read" : "change", excerpt(file.string())),
              where, "chmod o= " + shell_word(file.string()));
}

/// Reads to the end into `content`, or until that is full; false if the end did not come within `patience`.
bool read_all(InputFile& file, std::string& content, Duration patience) {
  const auto latest = std::chrono::steady_clock::now() + patience;
  std::size_t size = 0;
  while (size < content.size()) {
    if (!file.wait_until_readable(latest)) return false;
    const std::size_t got = file.read(content.data() + size, content.size() - size);
    if (got == 0) break;
    size += got;
  }
  content.resize(size);
  return true;
}

Secret read_key_file(const fs::path& path, const std::string& where, Duration patience, const std::stop_token& stop) {
  constexpr std::size_t longest = 64UL * 1024;
  std::string content(longest, '\0');
  try {
    InputFile file(path == "-" ? "./-" : path.string(), stop);  // a file, whatever it is called
    check_mode(file.mode(), path, where);
    if (!read_all(file, content, patience)) {
      throw Error(Exit::bad_config,
                  fmt::format("the API key did not come from {} within {}", excerpt(path.string()),
                              describe_duration(patience)),
                  where, "it is no regular file: let somebody write the key into it and close it, or name a file");
    }
  } catch (const Error& error) {
    if (error.where() == where) throw;
    throw Error(error.exit() == Exit::disk ? Exit::disk : Exit::bad_config, error.what(), where, error.hint());
  }
  Secret secret(content);
  wipe(content);
  return secret;
}

/// The line end that an editor or `echo` puts there.
Secret without_line_end(const Secret& secret) {
  std::string text = secret.text();
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  Secret bare(text);
  wipe(text);
  return bare;
}

struct Wrong {
  std::string_view what;  ///< goes on from "the API key in …"
  std::string_view hint = "put the bare key there and nothing else";
};

/// It becomes a header line as it is; and what has blanks in it is a sentence, a list, or "Bearer …", not the bare key.
std::optional<Wrong> wrong_shape(std::string_view text) {
  constexpr std::string_view scheme = "bearer";
  const bool has_scheme = text.size() > scheme.size() && is_blank(text[scheme.size()]) &&
                          std::ranges::equal(text.substr(0, scheme.size()), scheme, {}, lower);
  if (text.starts_with("\xEF\xBB\xBF")) return Wrong{"begins with a byte order mark", "save it without one"};
  if (has_scheme) return Wrong{"begins with the word Bearer", "put the bare key there, without it"};
  for (const char quote : {'"', '\''}) {
    if (text.size() < 2 || !text.starts_with(quote) || !text.ends_with(quote)) continue;
    return Wrong{quote == '"' ? "stands in double quotes, which would be sent with it"
                              : "stands in single quotes, which would be sent with it",
                 "put the bare key there, without them"};
  }
  if (text.find('\n') != std::string_view::npos) return Wrong{"holds more than one line"};
  if (std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; })) return std::nullopt;
  return Wrong{"holds blanks, control characters or other than ASCII"};
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

Secret load_key(const KeyLocation& location, const Environment& environment, Duration patience,
                const std::stop_token& stop) {
  Secret key;
  std::string place;
  if (!location.command.empty()) {
    place = "what " + excerpt(location.command.front()) + " printed";
    key = first_line_of(location.command, location.where, patience, stop);
  } else if (location.file || location.credential) {
    const fs::path file = location.file ? *location.file : credential_file(location, environment);
    place = file.string();
    key = read_key_file(file, location.where, patience, stop);
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
  key = without_line_end(key);
  if (key.empty()) throw Error(Exit::bad_config, fmt::format("the API key in {} is empty", place), location.where);
  if (const auto wrong = wrong_shape(key.text())) {
    throw Error(Exit::bad_config, fmt::format("the API key in {} {}", place, wrong->what), location.where,
                std::string(wrong->hint));
  }
  return key;
}

}  // namespace convoke
