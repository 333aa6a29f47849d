#include "api/invite.h"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "base/text.h"

namespace convoke {

Request invite_request(const std::string& course_id, std::span<const MemberId> members, const InviteSettings& settings,
                       bool quiet) {
  Request request;
  request.method = "POST";
  request.target =
      "/v1/courses/" + boost::urls::encode(course_id, boost::urls::unreserved_chars) + "/participants~bulkInvite";

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
  if (settings.invited_by) {
    body += R"(,"invitedBySpotMemberId":)";
    append_json_string(body, *settings.invited_by);
  }
  if (quiet || settings.email_notification) {
    body += R"(,"withEmailNotification":)";
    body += !quiet && *settings.email_notification ? "true" : "false";
  }
  body += '}';
  return request;
}

}  // namespace convoke
