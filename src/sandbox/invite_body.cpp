#include "sandbox/invite_body.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

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

std::optional<std::string> read_addresses(simdjson::dom::element value, std::vector<std::string>& addresses) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return "emails must be an array";
  std::vector<std::string> folded;
  for (const simdjson::dom::element item : array) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return "each value in emails must be a string";
    addresses.emplace_back(text);
    folded.push_back(lower_case(text));
  }
  if (addresses.empty()) return "emails should not be empty";
  std::sort(folded.begin(), folded.end());
  if (std::adjacent_find(folded.begin(), folded.end()) != folded.end()) return "all values in emails must be unique";
  return std::nullopt;
}

/// The one object that a body is, or what is wrong with it.
std::optional<std::string> read_object(simdjson::dom::parser& parser, std::string_view text,
                                       simdjson::dom::object& object) {
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return "the body is not JSON";
  if (root.get(object) != simdjson::SUCCESS) return "the body must be a JSON object";
  return std::nullopt;
}

std::string not_known(std::string_view key) {
  return fmt::format("property {} should not exist", excerpt(key, 40));
}

bool again(bool& given) {
  return std::exchange(given, true);
}

std::optional<std::string> read_mail(const simdjson::dom::element& value, bool& given, bool& with_mail) {
  if (again(given)) return "withEmailNotification is given twice";
  if (value.get(with_mail) != simdjson::SUCCESS) return "withEmailNotification must be a boolean value";
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
  simdjson::dom::object object;
  if (auto wrong = read_object(parser_->dom, text, object)) return wrong;

  bool ids_given = false;
  bool inviter_given = false;
  bool mail_given = false;
  for (const auto& [key, value] : object) {
    if (key == "spotMemberIds") {
      if (again(ids_given)) return "spotMemberIds is given twice";
      if (auto wrong = read_ids(value, body.ids)) return wrong;
    } else if (key == "invitedBySpotMemberId") {
      if (again(inviter_given)) return "invitedBySpotMemberId is given twice";
      if (!value.is_string()) return "invitedBySpotMemberId must be a string";
    } else if (key == "withEmailNotification") {
      if (auto wrong = read_mail(value, mail_given, body.with_mail)) return wrong;
    } else {
      return not_known(key);
    }
  }
  body.has_options = inviter_given || mail_given;
  if (!ids_given) return "spotMemberIds must be an array";
  return std::nullopt;
}

std::optional<std::string> InviteBodyReader::read(std::string_view text, AddressBody& body) {
  body = {};
  simdjson::dom::object object;
  if (auto wrong = read_object(parser_->dom, text, object)) return wrong;

  bool addresses_given = false;
  bool mail_given = false;
  for (const auto& [key, value] : object) {
    if (key == "emails") {
      if (again(addresses_given)) return "emails is given twice";
      if (auto wrong = read_addresses(value, body.addresses)) return wrong;
    } else if (key == "withEmailNotification") {
      if (auto wrong = read_mail(value, mail_given, body.with_mail)) return wrong;
    } else {
      return not_known(key);
    }
  }
  if (!addresses_given) return "emails must be an array";
  return std::nullopt;
}

}  // namespace convoke
