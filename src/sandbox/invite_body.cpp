#include "sandbox/invite_body.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"

namespace convoke {
namespace {

std::optional<std::string> read_ids(simdjson::dom::element value, std::vector<MemberId>& ids) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return "spotMemberIds must be an array";
  for (const simdjson::dom::element item : array) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return "each value in spotMemberIds must be a string";
    const auto id = MemberId::parse(text);
    if (!id) return "each value in spotMemberIds must be a UUID";
    ids.push_back(*id);
  }
  if (ids.empty()) return "spotMemberIds should not be empty";
  return std::nullopt;
}

}  // namespace

// The DOM parser, not the faster on-demand one: it checks the whole text before anything is believed.
struct InviteBodyReader::Parser {
  simdjson::dom::parser dom;
};

InviteBodyReader::InviteBodyReader() : parser_(std::make_unique<Parser>()) {}
InviteBodyReader::~InviteBodyReader() = default;

std::optional<std::string> InviteBodyReader::read(std::string_view text, InviteBody& body) {
  body.ids.clear();
  body.with_mail = false;
  simdjson::dom::element root;
  if (parser_->dom.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return "the body is not JSON";
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return "the body must be a JSON object";

  bool ids_given = false;
  bool inviter_given = false;
  bool mail_given = false;
  const auto again = [](bool& given) { return std::exchange(given, true); };
  for (const auto& [key, value] : object) {
    if (key == "spotMemberIds") {
      if (again(ids_given)) return "spotMemberIds is given twice";
      if (auto wrong = read_ids(value, body.ids)) return wrong;
    } else if (key == "invitedBySpotMemberId") {
      if (again(inviter_given)) return "invitedBySpotMemberId is given twice";
      if (!value.is_string()) return "invitedBySpotMemberId must be a string";
    } else if (key == "withEmailNotification") {
      if (again(mail_given)) return "withEmailNotification is given twice";
      if (value.get(body.with_mail) != simdjson::SUCCESS) return "withEmailNotification must be a boolean value";
    } else {
      return fmt::format("property {} should not exist", excerpt(key, 40));
    }
  }
  body.has_options = inviter_given || mail_given;
  if (!ids_given) return "spotMemberIds must be an array";
  return std::nullopt;
}

}  // namespace convoke
