// The ways in which a call does not come to its answer, told apart: pure decisions on what was seen of them.
#pragma once

#include <boost/system/error_code.hpp>
#include <string_view>

#include "base/reason.h"

namespace convoke {

enum class Phase { resolve, connect, tunnel, handshake, send, wait };
/// `TLS handshake`, `wait for the answer`.
std::string_view name_of(Phase phase);

/// `invalid` and all names below it: they never exist (RFC 6761), whatever a name server says or does not say.
bool never_exists(std::string_view host);

/// Why a request was not sent: not_connected, unknown_host, certificate or not_tls.
Reason reason_not_sent(Phase phase, const boost::system::error_code& error, std::string_view host);

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
