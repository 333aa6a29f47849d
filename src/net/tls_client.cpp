#include "net/tls_client.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "base/text.h"

namespace convoke {
namespace {

using boost::asio::ssl::context;
using boost::system::error_code;

void check(const error_code& error, std::string_view what, const std::string& where, const std::string& hint) {
  if (error) throw Error(Exit::bad_config, fmt::format("cannot read {}: {}", what, error.message()), where, hint);
}

void show_ours(context& tls, const std::string& certificate, const std::string& key) {
  error_code error;
  tls.use_certificate_chain_file(certificate, error);
  check(error, "a certificate", certificate, "api.client_cert names a PEM file with our certificate and its chain");
  // Nobody is there to be asked for a password.
  tls.set_password_callback([](std::size_t, context::password_purpose) { return std::string(); });
  tls.use_private_key_file(key, context::pem, error);
  constexpr auto hint = "api.client_key names a PEM file with the certificate's key, without a password";
  check(error, "a private key", key, hint);
  if (SSL_CTX_check_private_key(tls.native_handle()) != 1)
    throw Error(Exit::bad_config, "this is not the key of that certificate", key, hint);
}

// Where a TLS context keeps its client. (Place 0 is Asio's.)
int place_of_self() {
  static const int place = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return place;
}

TlsClient& client_of(SSL* tls) {
  return *static_cast<TlsClient*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(tls), place_of_self()));
}

}  // namespace

TlsClient::TlsClient(const ApiSettings& settings, const Url& api) {
  SSL_CTX* const context = context_.native_handle();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // RFC 7301: we speak HTTP/1.1 and nothing else.
  constexpr std::string_view protocols = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
  context_.set_verify_mode(boost::asio::ssl::verify_peer);
  error_code error;
  if (settings.ca_file) {
    context_.load_verify_file(*settings.ca_file, error);
  } else {
    context_.set_default_verify_paths(error);
  }
  check(error, "certificates", settings.ca_file.value_or("the system's certificates"),
        "api.ca_file names a PEM file with the CA's certificate");
  if (settings.client_cert)
    show_ours(context_, *settings.client_cert, settings.client_key.value_or(*settings.client_cert));

  SSL_CTX_set_ex_data(context, place_of_self(), this);
  // Handshakes after the first are short: the latest session that the server gave is taken up again.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL* tls, SSL_SESSION* session) {
    // A copy: OpenSSL takes a session that ends without a farewell for one that must not be taken up again.
    client_of(tls).session_.reset(SSL_SESSION_dup(session));
    return 0;
  });
  SSL_CTX_set_client_cert_cb(context, [](SSL* tls, X509**, EVP_PKEY**) {
    client_of(tls).asks_for_certificate_ = true;
    return 0;  // we have none
  });
  // OpenSSL compares the names, and tells a wrong one from a chain that does not hold.
  X509_VERIFY_PARAM* verification = SSL_CTX_get0_param(context);
  const int set = api.is_address ? X509_VERIFY_PARAM_set1_ip_asc(verification, api.host.c_str())
                                 : X509_VERIFY_PARAM_set1_host(verification, api.host.data(), api.host.size());
  if (set != 1) {
    throw Error(Exit::bad_config, fmt::format("no certificate can be for this host: {}", excerpt(api.host)),
                "api.base_url");
  }
}

void check_certificates(const ApiSettings& settings) {
  std::string_view why;
  if (const auto api = parse_url(settings.base_url, why); api && api->tls) TlsClient(settings, *api);
}

}  // namespace convoke
