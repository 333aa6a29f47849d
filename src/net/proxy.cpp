#include "net/proxy.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "net/base64.h"

namespace convoke {
namespace {

namespace ip = boost::asio::ip;

bool is_in_network(const ip::address& address, const std::string& network) {
  boost::system::error_code error;
  if (address.is_v4()) {
    const auto v4 = ip::make_network_v4(network, error);
    return !error && ip::network_v4(address.to_v4(), v4.prefix_length()).canonical() == v4.canonical();
  }
  const auto v6 = ip::make_network_v6(network, error);
  return !error && ip::network_v6(address.to_v6(), v6.prefix_length()).canonical() == v6.canonical();
}

bool is_excepted(const Url& api, std::string_view list) {
  std::string host = lower_case(api.host);
  if (host.ends_with('.')) host.pop_back();
  boost::system::error_code no_address;
  const auto address = ip::make_address(host, no_address);
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(", \t"), list.size());
    std::string entry = lower_case(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (entry == "*") return true;
    if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
    if (entry.starts_with('.')) entry.erase(0, 1);
    if (entry.ends_with('.')) entry.pop_back();
    if (entry.empty()) continue;
    if (!no_address) {
      boost::system::error_code error;
      if (ip::make_address(entry, error) == address && !error) return true;
      if (is_in_network(address, entry)) return true;
    } else if (host == entry || (host.size() > entry.size() && host.ends_with("." + entry))) {
      return true;
    }
  }
  return false;
}

std::string basic(const std::string& user_info) {
  return "Basic " + base64(user_info.find(':') == std::string::npos ? user_info + ':' : user_info);
}

Proxy parse_proxy(const std::string& text, const std::string& chosen_by) {
  constexpr auto hint = "such as http://proxy.example:3128";
  const auto scheme = text.find("://");
  if (scheme != std::string::npos && lower_case(text.substr(0, scheme)) != "http")
    throw Error(Exit::bad_config, "only http:// proxies are spoken to", chosen_by, hint);
  std::string_view why;
  const auto url = parse_url(scheme == std::string::npos ? "http://" + text : text, why);
  // (The text is not repeated: it may hold a password.)
  if (!url) throw Error(Exit::bad_config, fmt::format("the proxy {}", why), chosen_by, hint);
  const bool is_sound =
      std::all_of(url->user_info.begin(), url->user_info.end(), [](char c) { return c >= ' ' && c < 0x7F; });
  if (!is_sound) throw Error(Exit::bad_config, "the proxy's user or password is not plain ASCII", chosen_by, hint);
  Proxy proxy;
  proxy.host = url->host;
  proxy.port = url->has_port ? url->port : "1080";  // as curl has it
  if (url->has_user_info) {
    proxy.authorization = basic(url->user_info);
    proxy.secret = url->user_info;
  }
  Url shown = *url;
  shown.port = proxy.port;
  proxy.text = shown.text();
  proxy.chosen_by = chosen_by;
  return proxy;
}

}  // namespace

std::string way_of(const std::optional<Proxy>& proxy) {
  return proxy ? fmt::format(", by the proxy {} ({})", proxy->text, proxy->chosen_by) : std::string();
}

std::optional<Proxy> proxy_for(const Url& api, const std::optional<std::string>& configured, const Variable& variable) {
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const auto list = variable(name);
    if (!list || list->empty()) continue;
    if (is_excepted(api, *list)) return std::nullopt;
    break;
  }
  if (configured) return *configured == "none" ? std::nullopt : std::optional(parse_proxy(*configured, "api.proxy"));
  std::vector<const char*> names = {"all_proxy", "ALL_PROXY"};
  if (api.tls) names.insert(names.begin(), {"https_proxy", "HTTPS_PROXY"});
  if (!api.tls) names.insert(names.begin(), "http_proxy");
  for (const char* name : names) {
    if (const auto text = variable(name); text && !text->empty()) return parse_proxy(*text, std::string("$") + name);
  }
  return std::nullopt;
}

}  // namespace convoke
