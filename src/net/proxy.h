// Which way the calls go: straight, or by a proxy, chosen as curl chooses it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "net/url.h"

namespace convoke {

struct Proxy {
  std::string host;
  std::string port;
  std::string authorization;  ///< the value of Proxy-Authorization, a secret; empty: none
  std::string secret;         ///< `user:password`, to be blotted out of what comes back; empty: none
  std::string text;           ///< for people: `http://proxy:3128`
  std::string chosen_by;      ///< `api.proxy`, `$HTTPS_PROXY`
};

using Variable = std::function<std::optional<std::string>(const std::string& name)>;

/// For people, after an address: which way it goes; empty: straight.
std::string way_of(const std::optional<Proxy>& proxy);

/// The proxy for `api`, or none. `configured` is api.proxy: "none" means none whatever the environment says. Else
/// `https_proxy` and `HTTPS_PROXY` for https, `http_proxy` for http (in lower case alone: a CGI server sets the other
/// one from a request's header, CVE-2016-5385), then `all_proxy` and `ALL_PROXY`. A host in `no_proxy` or `NO_PROXY` is
/// called straight: names and their subdomains, addresses, networks (10.0.0.0/8), `*`. An empty variable is as good as
/// none. Throws Error bad_config, with the place, for what is no http proxy.
std::optional<Proxy> proxy_for(const Url& api, const std::optional<std::string>& configured, const Variable& variable);

}  // namespace convoke
