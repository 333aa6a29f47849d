#include "sandbox/reply.h"

#include <fmt/format.h>

#include "base/text.h"

namespace convoke {

void SandboxReply::answer(int with_status, std::string_view json) {
  status = with_status;
  body = json;
  content_type = json_type;
}

void SandboxReply::refuse(int with_status, std::string_view message) {
  answer(with_status, fmt::format(R"({{"message":{},"statusCode":{}}})", json_string(message), with_status));
}

void SandboxReply::refuse_payload(std::string_view message) {
  answer(400, fmt::format(R"({{"message":[{}],"error":"Bad Request","statusCode":400}})", json_string(message)));
}

void SandboxReply::refuse_method(std::string_view allowed) {
  refuse(405, "Method Not Allowed");
  allow = allowed;
}

// What stands before an API answers for it in HTML.
void SandboxReply::answer_page(int with_status, std::string_view title, std::string_view page) {
  answer(with_status,
         fmt::format("<html>\r\n<head><title>{}</title></head>\r\n<body>{}</body>\r\n</html>\r\n", title, page));
  content_type = "text/html";
}

void SandboxReply::strike(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::status:
      if (fault.status == 304) {
        status = fault.status;  // never with a body
        body.clear();
      } else if (fault.status < 400 || (fault.status >= 502 && fault.status <= 504)) {
        const std::string title = fmt::to_string(fault.status);
        answer_page(fault.status, title, fmt::format("<center><h1>{}</h1></center>", title));
      } else {
        refuse(fault.status, "a fault of the sandbox");
      }
      if (fault.status < 400) location = "https://elsewhere.invalid/";
      break;
    case FaultKind::reset:
      body.clear();
      delivery = Delivery::reset_before_acting;
      break;
    case FaultKind::reset_after:
      delivery = Delivery::reset_after_acting;
      break;
    case FaultKind::stall:
      delivery = Delivery::stall;
      break;
    case FaultKind::truncate:
      delivery = body.empty() ? Delivery::reset_after_acting : Delivery::truncated;
      break;
    case FaultKind::garbage:
      if (status < 300) answer(201, R"([{"id":"00000000-0000-4000-8000-000000000000","spotMemberId":)");
      break;
    case FaultKind::slow:
      delay += std::chrono::seconds(1);
      break;
    case FaultKind::lost:
      break;
    case FaultKind::login:
      answer_page(200, "Log in", R"(<form method="post" action="/login">Password: <input name="password"></form>)");
      break;
  }
}

}  // namespace convoke
