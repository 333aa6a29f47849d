#include "api/lookup.h"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "api/endpoint.h"
#include "base/address.h"
#include "base/text.h"

namespace convoke {
namespace {

constexpr std::string_view before_addresses = "?email%5Bin%5D=";
constexpr std::string_view before_limit = "&limit=";

// The kind of target does not matter: addresses are no target's.
constexpr const Endpoint& endpoint_for(Step step) {
  return endpoint_of(TargetKind::course, step);
}

}  // namespace

Request look_up_request(std::span<const std::string> addresses) {
  Request request;
  request.method = "GET";
  std::string& target = request.target;
  target = endpoint_for(Step::look_up).before;
  target += before_addresses;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // A server decodes the value and then parts it at commas: no address holds one, and those between them stay bare.
    if (i > 0) target += ',';
    target += boost::urls::encode(addresses[i], boost::urls::unreserved_chars);
  }
  target += before_limit;
  target += std::to_string(addresses.size());
  return request;
}

Request create_request(std::span<const std::string> addresses, bool with_email) {
  Request request;
  request.method = "POST";
  request.target = endpoint_for(Step::create).before;
  std::string& body = request.body;
  body = R"({"emails":[)";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (i > 0) body += ',';
    append_json_string(body, addresses[i]);
  }
  body += R"(],"withEmailNotification":)";
  body += with_email ? "true}" : "false}";
  return request;
}

std::size_t fitting(std::span<const std::string> addresses) {
  const std::size_t fixed = endpoint_for(Step::look_up).before.size() + before_addresses.size() + before_limit.size();
  std::size_t listed = 0;  // the addresses so far, encoded, and the commas between them
  std::size_t count = 0;
  for (const std::string& address : addresses) {
    listed += size_in_query(address) + (count > 0 ? 1 : 0);
    const bool fits = fixed + listed + std::to_string(count + 1).size() <= longest_look_up;
    if (!fits && count > 0) break;
    ++count;
    if (!fits) break;
  }
  return count;
}

}  // namespace convoke
