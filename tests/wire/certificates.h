// Certificates for tests, made as needed: for whom, from when, until when, signed by whom.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace convoke {

struct Certificate {
  std::shared_ptr<X509> x509;
  std::shared_ptr<EVP_PKEY> key;

  std::string pem() const {
    return text([this](BIO* out) { return PEM_write_bio_X509(out, x509.get()); });
  }
  std::string key_pem() const {
    return text(
        [this](BIO* out) { return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  template <class Write>
  static std::string text(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    if (write(out.get()) != 1) throw std::runtime_error("no PEM");
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }
};

struct CertificateOptions {
  std::string names = "IP:127.0.0.1";  // subject alternative names as OpenSSL's configuration writes them; empty: none
  std::string common_name{};
  std::chrono::hours from{-48};  // relative to now
  std::chrono::hours until{48};
  bool is_authority = false;
};

// Self-signed without an issuer.
inline Certificate make_certificate(const CertificateOptions& options, const Certificate* issuer = nullptr) {
  static long serial = 0;
  Certificate made{{X509_new(), X509_free}, {EVP_EC_gen("P-256"), EVP_PKEY_free}};
  X509* x509 = made.x509.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x509), std::chrono::seconds(options.from).count());
  X509_gmtime_adj(X509_getm_notAfter(x509), std::chrono::seconds(options.until).count());
  X509_set_pubkey(x509, made.key.get());
  if (!options.common_name.empty()) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(options.common_name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, bytes, -1, -1, 0);
  }
  X509_set_issuer_name(x509, X509_get_subject_name(issuer != nullptr ? issuer->x509.get() : x509));
  const auto extend = [&](int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    if (extension == nullptr) throw std::runtime_error("no such extension: " + value);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (!options.names.empty()) extend(NID_subject_alt_name, options.names);
  if (options.is_authority) extend(NID_basic_constraints, "critical,CA:TRUE");
  EVP_PKEY* signer = issuer != nullptr ? issuer->key.get() : made.key.get();
  if (X509_sign(x509, signer, EVP_sha256()) == 0) throw std::runtime_error("cannot sign");
  return made;
}

}  // namespace convoke
