// The ways in which a call does not come to its answer, told apart and put into words: pure decisions on what was seen.
#pragma once

#include <boost/system/error_code.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/reason.h"
#include "net/proxy.h"
#include "net/url.h"

namespace convoke {

enum class Phase { resolve, connect, tunnel, handshake, send, wait };
/// `TLS handshake`, `wait for the answer`.
std::string_view name_of(Phase phase);

/// How far a call came, and what was seen on the way.
struct CallProgress {
  Phase phase = Phase::resolve;
  boost::system::error_code error;  ///< what ended it
  bool timed_out = false;
  unsigned tunnel_status = 0;       ///< the proxy's answer to CONNECT; 0: none
  std::string certificate_trouble;  ///< why the server's certificate does not hold; empty: it was not looked at
  bool in_answer = false;           ///< an answer's header was read
  bool wants_tls = false;           ///< the server has said so, in HTTP
};

/// What the server was seen to do, ever, on whatever connection.
struct ServerHabits {
  bool speaks_http = false;
  bool speaks_unasked = false;   ///< what follows an answer may be of an earlier one
  std::size_t largest_body = 0;  ///< bytes, up to 1 MiB
};

/// What keeps a call from its answer.
struct Explanation {
  Reason reason;
  std::string words;
};

/// Why a request was not sent, `what` being the words for what ended it.
Explanation explain_way(const CallProgress& progress, const Url& api, const std::string& what, bool spoke_http);

/// The same where it did not get beyond the proxy. It is never gone around.
Explanation explain_proxy(const CallProgress& progress, const Proxy& proxy, const std::string& what);

/// What this machine will not give is no word of the server's, and no patience helps.
bool is_scarce(const boost::system::error_code& error);

/// Whether what a TLS handshake ended with (success included) shows that the other side speaks TLS.
bool shows_tls(const boost::system::error_code& handshake);

/// Whether it is a TLS alert with which a server turns a client away for its certificate, or for want of one (RFC
/// 8446, 6.2: in TLS 1.3 it comes when the client takes the handshake for done).
bool turns_certificate_away(const boost::system::error_code& error);

/// Whether bytes that should be HTTP are an alert or a handshake of TLS.
bool starts_tls_record(std::string_view bytes);

/// Whether an answer to a plain request says that the port is a TLS port, as nginx, Apache, Go and Tomcat do.
bool asks_for_tls(unsigned status, std::string_view body);

}  // namespace convoke
