#include "net/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>

#include "base/numbers.h"
#include "base/text.h"

namespace convoke {
std::optional<Url> parse_url(std::string_view text, std::string_view& why) {
  const auto parsed = boost::urls::parse_uri(text);
  why = "is not a URL";
  if (!parsed) return std::nullopt;
  why = "must be an http or https URL";
  if (parsed->scheme() != "http" && parsed->scheme() != "https") return std::nullopt;
  why = "names no host";
  if (parsed->host().empty()) return std::nullopt;
  why = "must not have a query or a fragment";
  if (parsed->has_query() || parsed->has_fragment()) return std::nullopt;
  why = "has no valid port";
  if (parsed->has_port() && parse_number<std::uint16_t>(parsed->port()).value_or(0) == 0) return std::nullopt;

  const auto begin = text.find("://") + 3;
  const std::string_view authority = text.substr(begin, std::min(text.find('/', begin), text.size()) - begin);
  std::string written;
  if (parsed->has_userinfo()) written += std::string(parsed->encoded_userinfo()) + "@";
  written += std::string(parsed->encoded_host());
  if (parsed->has_port()) written += ":" + std::string(parsed->port());
  why = "names a host that can be read in two ways";
  const std::string_view host = std::string_view(parsed->encoded_host());
  if (written != authority || text.substr(begin + authority.size()) != std::string_view(parsed->encoded_path()) ||
      host.find('%') != std::string_view::npos)
    return std::nullopt;

  Url url;
  url.tls = parsed->scheme() == "https";
  url.host = parsed->host_address();
  boost::system::error_code no_address;
  boost::asio::ip::make_address(url.host, no_address);
  url.is_address = !no_address;
  url.has_port = parsed->has_port();
  url.port = url.has_port ? std::string(parsed->port()) : url.tls ? "443" : "80";
  url.has_user_info = parsed->has_userinfo();
  url.user_info = parsed->userinfo();
  url.host_header = std::string(parsed->encoded_host_and_port());
  url.path = std::string(parsed->encoded_path());
  while (url.path.ends_with('/')) url.path.pop_back();
  why = {};
  return url;
}

std::string Url::authority() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::string Url::text() const {
  return excerpt(fmt::format("{}://{}", tls ? "https" : "http", authority()));
}

bool is_loopback(const std::string& host) {
  boost::system::error_code no_address;
  const auto address = boost::asio::ip::make_address(host, no_address);
  if (!no_address) return address.is_loopback();
  std::string name = lower_case(host);
  if (name.ends_with('.')) name.pop_back();  // of the root
  return name == "localhost";
}

}  // namespace convoke
