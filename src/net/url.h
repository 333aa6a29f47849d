// The parts of an http or https URL that names a server: the API's, or a proxy's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace convoke {

struct Url {
  bool tls = false;
  std::string host;         ///< a name or an address (IPv6 without brackets): to resolve, to verify
  bool is_address = false;  ///< an IP address
  std::string port;         ///< as given, else 443 or 80
  bool has_port = false;
  std::string user_info;  ///< `user:password`, percent-decoded: a secret
  bool has_user_info = false;
  std::string path;         ///< percent-encoded, without a slash at the end
  std::string host_header;  ///< host and port as written

  /// Host and port, also where the port is the usual one: `[::1]:443`.
  std::string authority() const;

  /// For people: scheme, host and port, without user and password; printable.
  std::string text() const;
};

/// Takes `text` apart. What does not come out as it went in is refused: a parser that reads another host than is
/// written would send the key there (Boost.URL 1.81 reads `http://127.0.0.1.example.test:9` as 127.0.0.1). On failure
/// empty, and `why` says what is wrong, in words that go on from the name of a setting; they never quote the text.
std::optional<Url> parse_url(std::string_view text, std::string_view& why);

/// Whether what is sent to `host` stays on this machine: `localhost`, 127.0.0.0/8, ::1.
bool is_loopback(const std::string& host);

}  // namespace convoke
