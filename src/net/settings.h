// Where the API is and how to reach it; filled from the `[api]` table of the config.
#pragma once

#include <optional>
#include <string>

#include "api/settings.h"
#include "base/secret.h"
#include "net/proxy.h"

namespace convoke {

struct ApiSettings : CallSettings {
  std::string base_url = "https://openapi.meltingspot.io";  ///< http or https, host, optional port and path; no query
  Secret key;                                               ///< the secret itself: never printed, logged or stored
  std::optional<std::string> ca_file;                       ///< PEM; instead of the system's certificates
  std::optional<std::string> client_cert;                   ///< PEM, with its chain: for a front that asks for one
  std::optional<std::string> client_key;                    ///< PEM; absent: it is in client_cert
  std::optional<Proxy> proxy;                               ///< absent: straight
};

}  // namespace convoke
