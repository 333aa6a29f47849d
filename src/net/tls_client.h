// Our side of TLS: whom we believe, who we are, and the latest session, which is taken up again.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "net/settings.h"
#include "net/url.h"

namespace convoke {

class TlsClient {
 public:
  /// Throws Error bad_config if the certificates that `settings` name cannot be read, or none can be for this host.
  TlsClient(const ApiSettings& settings, const Url& api);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  boost::asio::ssl::context& context() { return context_; }
  SSL_SESSION* session() const { return session_.get(); }  ///< null: there was none yet
  bool asks_for_certificate() const { return asks_for_certificate_; }

 private:
  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_client};
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session_{nullptr, SSL_SESSION_free};
  bool asks_for_certificate_ = false;  // the server, ever: for one of ours
};

/// Throws Error bad_config as a transport would if it cannot use the certificates that `settings` name: for who wants
/// to know without a call.
void check_certificates(const ApiSettings& settings);

}  // namespace convoke
