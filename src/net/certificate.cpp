#include "net/certificate.h"

#include <arpa/inet.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <memory>
#include <string_view>

#include "base/text.h"

namespace convoke {
namespace {

constexpr std::size_t most_names = 6;      // a content network's certificate may hold a hundred
constexpr std::size_t longest_name = 100;  // bytes

std::string_view view_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  const bool known = family == AF_INET || ASN1_STRING_length(bytes) == 16;
  if (!known || ::inet_ntop(family, ASN1_STRING_get0_data(bytes), text.data(), text.size()) == nullptr) return "?";
  return text.data();
}

std::string common_name(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return "";
  return "CN=" + excerpt(view_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))), longest_name);
}

/// `DNS:api.example, IP:10.0.0.1 (CN=api)`.
std::string names_in(const X509* certificate) {
  if (certificate == nullptr) return "nobody";
  const auto release = [](GENERAL_NAMES* names) { GENERAL_NAMES_free(names); };
  const std::unique_ptr<GENERAL_NAMES, decltype(release)> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)), release);
  std::string names;
  std::size_t count = 0;
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    if (++count > most_names) continue;
    if (!names.empty()) names += ", ";
    names += name->type == GEN_DNS ? "DNS:" + excerpt(view_of(name->d.dNSName), longest_name)
                                   : "IP:" + address_of(name->d.iPAddress);
  }
  if (count > most_names) names += fmt::format(" and {} more", count - most_names);
  const std::string common = common_name(certificate);
  if (names.empty()) return common.empty() ? "nobody" : common;
  return common.empty() ? names : fmt::format("{} ({})", names, common);
}

/// `2024-05-01`; empty for what is no time.
std::string date_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return "";
  return fmt::format("{:%Y-%m-%d}", parts);
}

std::string today() {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::now()));
}

/// A certificate is over or to come, or this machine's clock is wrong: both dates are said.
std::string about_time(int error, X509_STORE_CTX* verification) {
  const X509* failed = X509_STORE_CTX_get_current_cert(verification);
  if (failed == nullptr) return "";
  const bool over = error == X509_V_ERR_CERT_HAS_EXPIRED;
  if (!over && error != X509_V_ERR_CERT_NOT_YET_VALID) return "";
  const bool own = X509_STORE_CTX_get_error_depth(verification) == 0;
  return fmt::format("{}valid {} {}, and here it is {}; ",
                     own ? "" : fmt::format("that of its authority {}, ", names_in(failed)), over ? "until" : "from",
                     date_of(over ? X509_get0_notAfter(failed) : X509_get0_notBefore(failed)), today());
}

std::string about_authority(int error, const CertificateView& view) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      break;
    default:
      return "";
  }
  if (view.ca_file.empty()) {
    return "; this machine does not know its authority: api.ca_file can name a PEM file that holds it";
  }
  return fmt::format("; its authority is not in api.ca_file ({})", excerpt(view.ca_file));
}

}  // namespace

std::string certificate_trouble(X509_STORE_CTX* verification, const CertificateView& view) {
  const int error = X509_STORE_CTX_get_error(verification);
  const std::string names = names_in(X509_STORE_CTX_get0_cert(verification));
  const std::string head = fmt::format("the certificate of {} does not verify: ", view.url);
  if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return fmt::format("{}it is for {}, not for {}", head, names, excerpt(view.host, longest_name));
  }
  return fmt::format("{}{} ({}it is for {}){}", head, X509_verify_cert_error_string(error),
                     about_time(error, verification), names, about_authority(error, view));
}

}  // namespace convoke
