// The sandbox, asked in virtual time.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <initializer_list>
#include <string>

#include "sandbox/sandbox.h"

namespace convoke {

inline constexpr std::string_view invite_path = "/v1/courses/c1/participants~bulkInvite";

inline MemberId id_of(int number) {
  return MemberId::parse(fmt::format("00000000-0000-4000-8000-{:012x}", number)).value();
}

inline std::string body_of(std::initializer_list<std::string> ids, std::string_view more = "") {
  std::string list;
  for (const std::string& id : ids) list += (list.empty() ? "\"" : ",\"") + id + "\"";
  return fmt::format(R"({{"spotMemberIds":[{}]{}}})", list, more);
}

inline std::string body_of(std::initializer_list<int> numbers, std::string_view more = "") {
  std::string list;
  for (const int number : numbers) list += (list.empty() ? "\"" : ",\"") + id_of(number).text() + "\"";
  return fmt::format(R"({{"spotMemberIds":[{}]{}}})", list, more);
}

inline int count(std::string_view text, std::string_view word) {
  int found = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

/// A sandbox with a virtual time, asked as a good client would unless told otherwise.
struct Desk {
  explicit Desk(SandboxSettings settings = {}) : sandbox(std::move(settings)) {}

  SandboxReply ask(SandboxRequest request) {
    return sandbox.handle(request, now, WallTime(std::chrono::milliseconds(1700000000000)));
  }
  SandboxReply post(std::string_view body, std::string_view path = invite_path) {
    return ask(
        {.method = "POST", .target = path, .authorization = "key", .content_type = "application/json", .body = body});
  }
  SandboxReply get(std::string_view target) {
    return ask({.method = "GET", .target = target, .authorization = "key", .content_type = "", .body = ""});
  }
  const MemberRecord* member(int number, std::string_view course = "c1") const {
    return sandbox.members().find(TargetKind::course, course, id_of(number));
  }
  bool invited(int number) const { return member(number) != nullptr && member(number)->invited(); }

  Instant now{std::chrono::hours(1)};
  Sandbox sandbox;
};

inline SandboxReply participants_of(Desk& desk, std::string_view query = "", std::string_view course = "c1") {
  return desk.get(fmt::format("/v1/courses/{}/participants{}", course, query));
}

}  // namespace convoke
