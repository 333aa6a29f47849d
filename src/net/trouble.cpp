#include "net/trouble.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include "base/text.h"

namespace convoke {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

bool holds(std::string_view text, std::string_view words) {
  const auto same = [](char one, char other) { return lower(one) == lower(other); };
  return std::search(text.begin(), text.end(), words.begin(), words.end(), same) != text.end();
}

/// OpenSSL's own reason; 0 if the trouble is not of its making.
int tls_reason(const error_code& error) {
  if (error.category() != asio::error::get_ssl_category()) return 0;
  const auto packed = static_cast<unsigned long>(error.value());
  return ERR_GET_LIB(packed) == ERR_LIB_SSL ? ERR_GET_REASON(packed) : 0;
}

/// What OpenSSL says of a first record that is none.
bool is_no_record(int reason) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_UNKNOWN_PROTOCOL:
      return true;
    default:
      return false;
  }
}

/// `invalid` and all names below it (RFC 6761), whatever a name server says or does not say.
bool never_exists(std::string_view host) {
  constexpr std::string_view reserved = ".invalid";
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto same = [](std::string_view one, std::string_view other) {
    return std::ranges::equal(one, other, {}, lower);
  };
  if (host.size() < reserved.size()) return same(host, reserved.substr(1));
  return same(host.substr(host.size() - reserved.size()), reserved);
}

/// not_connected, unknown_host, certificate or not_tls.
Reason reason_not_sent(Phase phase, const error_code& error, std::string_view host) {
  if (phase == Phase::resolve) {
    const bool unknown = error == asio::error::host_not_found || error == asio::error::no_data || never_exists(host);
    return unknown ? Reason::unknown_host : Reason::not_connected;
  }
  if (phase == Phase::handshake) {
    const int reason = tls_reason(error);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) return Reason::certificate;
    if (is_no_record(reason)) return Reason::not_tls;
  }
  return Reason::not_connected;
}

}  // namespace

std::string_view name_of(Phase phase) {
  constexpr std::array<std::string_view, 6> names = {"resolve",       "connect", "CONNECT by the proxy",
                                                     "TLS handshake", "send",    "wait for the answer"};
  return names[static_cast<std::size_t>(phase)];
}

Explanation explain_way(const CallProgress& progress, const Url& api, const std::string& what, bool spoke_http) {
  const std::string url = api.text();
  Reason reason = reason_not_sent(progress.phase, progress.error, api.host);
  // Where HTTP was spoken before, one answer in the clear is an accident of the way (an overloaded balancer), and
  // heals.
  if (reason == Reason::not_tls && spoke_http) reason = Reason::not_connected;
  switch (reason) {
    case Reason::certificate:
      if (!progress.certificate_trouble.empty()) return {reason, progress.certificate_trouble};
      return {reason, fmt::format("the certificate of {} does not verify: {}", url, what)};
    case Reason::not_tls:
      return {reason,
              fmt::format("{} does not speak TLS, and base_url says https: is it an http address? ({})", url, what)};
    case Reason::unknown_host:
      return {reason, fmt::format("there is no host {} ({}): {}", excerpt(api.host), url, what)};
    default:
      if (progress.phase == Phase::send) return {reason, "the time to send it had passed (has this machine slept?)"};
      return {reason, fmt::format("cannot reach {}: {} ({})", url, what, name_of(progress.phase))};
  }
}

Explanation explain_proxy(const CallProgress& progress, const Proxy& proxy, const std::string& what) {
  const unsigned status = progress.tunnel_status;
  const std::string which = fmt::format("the proxy {} ({})", proxy.text, proxy.chosen_by);
  if (progress.phase != Phase::tunnel || progress.timed_out || status == 0) {
    const Reason reason = reason_not_sent(progress.phase, progress.error, proxy.host);
    if (reason == Reason::unknown_host)
      return {reason, fmt::format("there is no host {}: {}: {}", excerpt(proxy.host), which, what)};
    return {reason, fmt::format("cannot get through {}: {} ({})", which, what, name_of(progress.phase))};
  }
  // 403, 405, 407…: its rules or our credentials; 502, 503, 504: it does not reach the API now.
  const bool is_refusal = status / 100 == 4 && status != 408 && status != 429;
  return {is_refusal ? Reason::proxy_refused : Reason::not_connected,
          fmt::format("{} answered {} to CONNECT{}", which, status,
                      status == 407       ? ": it wants other credentials than it was given"
                      : status / 100 == 2 ? ", and then not with the API but with words of its own"
                                          : "")};
}

bool is_scarce(const error_code& error) {
  namespace errc = boost::system::errc;
  return error == errc::too_many_files_open || error == errc::too_many_files_open_in_system ||
         error == errc::not_enough_memory || error == errc::no_buffer_space;
}

bool shows_tls(const error_code& handshake) {
  if (!handshake) return true;
  const int reason = tls_reason(handshake);
  return reason != 0 && reason != SSL_R_UNEXPECTED_EOF_WHILE_READING && !is_no_record(reason);
}

bool turns_certificate_away(const error_code& error) {
  switch (tls_reason(error)) {
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

bool starts_tls_record(std::string_view bytes) {
  constexpr char alert = 0x15;
  constexpr char handshake = 0x16;
  return bytes.size() >= 3 && (bytes[0] == alert || bytes[0] == handshake) && bytes[1] == 3 && bytes[2] >= 0 &&
         bytes[2] <= 4;
}

bool asks_for_tls(unsigned status, std::string_view body) {
  if (status != 400) return false;
  constexpr std::array<std::string_view, 4> sayings = {
      "The plain HTTP request was sent to HTTPS port", "speaking plain HTTP to an SSL-enabled server port",
      "Client sent an HTTP request to an HTTPS server", "This combination of host and port requires TLS"};
  return std::any_of(sayings.begin(), sayings.end(), [&](std::string_view saying) { return holds(body, saying); });
}

}  // namespace convoke
