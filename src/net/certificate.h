// What is wrong with a server's certificate, in words an operator can act on.
#pragma once

#include <openssl/types.h>

#include <string>

namespace convoke {

/// What is to be said of a certificate beside OpenSSL's own reason.
struct CertificateView {
  std::string url;      ///< whose certificate it is
  std::string host;     ///< whom it should be for
  std::string ca_file;  ///< api.ca_file; empty: the system's authorities
};

/// For a verify callback whose verification has just failed: why, with the names in the certificate and, if that is
/// what is wrong, the date. Bounded and printable, whatever the certificate holds.
std::string certificate_trouble(X509_STORE_CTX* verification, const CertificateView& view);

}  // namespace convoke
