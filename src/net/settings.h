// Where the API is and how to reach it; filled from the `[api]` table of the config.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/duration.h"
#include "base/secret.h"
#include "net/proxy.h"

namespace convoke {

struct ApiSettings {
  std::string base_url = "https://openapi.meltingspot.io";  ///< http or https, host, optional port and path; no query
  Secret key;                                               ///< the secret itself: never printed, logged or stored
  Duration timeout = std::chrono::seconds(30);              ///< of one call, connect to last byte; 1ms to 1h
  int connections = 8;                                      ///< the most calls in flight, 1 to 1,000
  std::optional<std::string> ca_file;                       ///< PEM; instead of the system's certificates
  std::optional<std::string> client_cert;                   ///< PEM, with its chain: for a front that asks for one
  std::optional<std::string> client_key;                    ///< PEM; absent: it is in client_cert
  std::optional<Proxy> proxy;                               ///< absent: straight
};

}  // namespace convoke
