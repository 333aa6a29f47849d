#include "api/invite.h"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "api/endpoint.h"
#include "base/text.h"

namespace convoke {

Request invite_request(const Target& target, std::span<const MemberId> members, const InviteSettings& settings,
                       bool quiet) {
  Request request;
  request.method = "POST";
  const Endpoint& endpoint = endpoint_of(target.kind);
  request.target = endpoint.before;
  request.target += boost::urls::encode(target.id, boost::urls::unreserved_chars);
  request.target += endpoint.after;

  std::string& body = request.body;
  body.reserve(members.size() * (MemberId::text_size + 3) + 200);
  body = R"({"spotMemberIds":[)";
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i > 0) body += ',';
    body += '"';
    const std::size_t at = body.size();
    body.resize(at + MemberId::text_size);
    members[i].write(body.data() + at);
    body += '"';
  }
  body += ']';
  if (endpoint.takes_options && settings.invited_by) {
    body += R"(,"invitedBySpotMemberId":)";
    append_json_string(body, *settings.invited_by);
  }
  if (endpoint.takes_options && (quiet || settings.email_notification)) {
    body += R"(,"withEmailNotification":)";
    body += !quiet && *settings.email_notification ? "true" : "false";
  }
  body += '}';
  return request;
}

}  // namespace convoke
