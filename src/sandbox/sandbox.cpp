#include "sandbox/sandbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "sandbox/participant.h"
#include "sandbox/target.h"

namespace convoke {
namespace {

constexpr std::string_view json_type = "application/json; charset=utf-8";

void answer(SandboxReply& reply, int status, std::string_view json) {
  reply.status = status;
  reply.body = json;
  reply.content_type = json_type;
}

/// An error as the frameworks of such APIs shape it.
void refuse(SandboxReply& reply, int status, std::string_view message) {
  answer(reply, status, fmt::format(R"({{"message":{},"statusCode":{}}})", json_string(message), status));
}

/// The same of a payload that is not valid: there they list what is wrong.
void refuse_payload(SandboxReply& reply, std::string_view message) {
  answer(reply, 400, fmt::format(R"({{"message":[{}],"error":"Bad Request","statusCode":400}})", json_string(message)));
}

/// What stands before an API answers for it in HTML.
void answer_page(SandboxReply& reply, int status, std::string_view title, std::string_view body) {
  reply.status = status;
  reply.body = fmt::format("<html>\r\n<head><title>{}</title></head>\r\n<body>{}</body>\r\n</html>\r\n", title, body);
  reply.content_type = "text/html";
}

void refuse_method(SandboxReply& reply, std::string_view allowed) {
  refuse(reply, 405, "Method Not Allowed");
  reply.allow = allowed;
}

bool is_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return std::ranges::equal(type, std::string_view("application/json"), {}, lower);
}

bool any_prefix(const std::vector<std::string>& prefixes, std::string_view text) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) { return text.starts_with(prefix); });
}

void to_lower(std::vector<std::string>& prefixes) {
  for (std::string& prefix : prefixes) prefix = lower_case(prefix);
}

/// Whether a request that is struck so is served all the same.
bool acts(FaultKind kind) {
  return kind != FaultKind::status && kind != FaultKind::reset && kind != FaultKind::login;
}

/// A natural number of a query, at least 1; `otherwise` if it is not given.
std::optional<std::size_t> read_count(std::string_view query, std::string_view name, std::size_t otherwise) {
  while (!query.empty()) {
    const std::string_view field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), field.size() + 1));
    if (field.size() <= name.size() || !field.starts_with(name) || field[name.size()] != '=') continue;
    const char* end = field.data() + field.size();
    std::size_t count = 0;
    const auto [rest, error] = std::from_chars(field.data() + name.size() + 1, end, count);
    if (error != std::errc{} || rest != end || count == 0 || count > 1'000'000'000) return std::nullopt;
    return count;
  }
  return otherwise;
}

}  // namespace

Sandbox::Sandbox(SandboxSettings settings)
    : settings_(std::move(settings)),
      arrivals_(settings_.limits),
      fault_chance_(mix(settings_.seed)),
      delay_chance_(mix(~settings_.seed)) {
  for (auto* rule : {&settings_.poison, &settings_.ignore, &settings_.invited, &settings_.started}) {
    to_lower(*rule);
    has_rules_ = has_rules_ || !rule->empty();
  }
}

SandboxReply Sandbox::handle(const SandboxRequest& request, Instant now, WallTime wall) {
  SandboxReply reply;
  handle(request, now, wall, reply);
  return reply;
}

void Sandbox::handle(const SandboxRequest& request, Instant now, WallTime wall, SandboxReply& reply) {
  // The body is not cleared: to write over it is cheaper than to fill it anew.
  SandboxReply fresh;
  fresh.body.swap(reply.body);
  reply = std::move(fresh);

  const std::string_view path = path_and_query(request.target).first;
  if (path.starts_with("/_sandbox/")) return serve_own(request, path, reply);
  if (path != "/v1" && !path.starts_with("/v1/")) return refuse(reply, 404, "Not Found");

  ++stats_.requests;
  reply.delay = next_delay();
  const auto fault = next_fault();
  const Duration wait = arrivals_.count(now);
  if (wait > Duration::zero()) {
    ++stats_.over_limit;
    refuse(reply, 429, "Too Many Requests");
    reply.retry_after = std::chrono::ceil<std::chrono::seconds>(wait);
  } else {
    if (fault) ++stats_.faults[name_of(*fault)];
    if (!fault || acts(fault->kind)) serve(request, path, wall, fault && fault->kind == FaultKind::lost, reply);
    if (fault) strike(*fault, reply);
  }
  if (reply.delivery == Delivery::whole || reply.delivery == Delivery::truncated) {
    ++stats_.statuses[reply.status];
  } else {
    ++stats_.unanswered;
  }
}

std::optional<Fault> Sandbox::next_fault() {
  // Drawn for each request, whatever the script or the limits make of it, so that they shift no later fault.
  const double chance = settings_.faults.empty() ? 1 : fault_chance_.unit();
  if (!settings_.script.empty()) {
    const auto scripted = settings_.script.find(stats_.requests);
    if (scripted != settings_.script.end()) return scripted->second;
  }
  double sum = 0;
  for (const Fault& fault : settings_.faults) {
    sum += fault.probability;
    if (chance < sum) return fault;
  }
  return std::nullopt;
}

Duration Sandbox::next_delay() {
  const Duration spread = settings_.latency_high - settings_.latency_low;
  if (spread <= Duration::zero()) return settings_.latency_low;
  return settings_.latency_low + Duration(delay_chance_.below(static_cast<std::uint64_t>(spread.count()) + 1));
}

/// Spoils the answer to a request that was served, or answers one that was not.
void Sandbox::strike(const Fault& fault, SandboxReply& reply) const {
  switch (fault.kind) {
    case FaultKind::status:
      if (fault.status == 304) {
        reply.status = fault.status;  // never with a body
        reply.body.clear();
      } else if (fault.status < 400 || (fault.status >= 502 && fault.status <= 504)) {
        const std::string title = fmt::to_string(fault.status);
        answer_page(reply, fault.status, title, fmt::format("<center><h1>{}</h1></center>", title));
      } else {
        refuse(reply, fault.status, "a fault of the sandbox");
      }
      if (fault.status < 400) reply.location = "https://elsewhere.invalid/";
      break;
    case FaultKind::reset:
      reply.body.clear();
      reply.delivery = Delivery::reset_before_acting;
      break;
    case FaultKind::reset_after:
      reply.delivery = Delivery::reset_after_acting;
      break;
    case FaultKind::stall:
      reply.delivery = Delivery::stall;
      break;
    case FaultKind::truncate:
      reply.delivery = reply.body.empty() ? Delivery::reset_after_acting : Delivery::truncated;
      break;
    case FaultKind::garbage:
      if (reply.status < 300) answer(reply, 201, R"([{"id":"00000000-0000-4000-8000-000000000000","spotMemberId":)");
      break;
    case FaultKind::slow:
      reply.delay += std::chrono::seconds(1);
      break;
    case FaultKind::lost:
      break;
    case FaultKind::login:
      answer_page(reply, 200, "Log in",
                  R"(<form method="post" action="/login">Password: <input name="password"></form>)");
      break;
  }
}

void Sandbox::serve(const SandboxRequest& request, std::string_view path, WallTime wall, bool lose_one,
                    SandboxReply& reply) {
  // No "Bearer" even where any key will do: the API takes the bare key.
  const std::string_view key = request.authorization;
  if (settings_.key.empty() ? key.empty() || key.starts_with("Bearer ") : key != settings_.key) {
    return refuse(reply, 401, "Unauthorized");
  }
  const auto segments = path_segments(path);
  if (!segments) return refuse(reply, 400, "the path is not percent-encoded well");
  const auto& parts = *segments;
  if (parts.size() != 4 || parts[1] != "courses" || parts[2].empty()) return refuse(reply, 404, "Not Found");
  if (parts[3] == "participants~bulkInvite") {
    if (request.method != "POST") return refuse_method(reply, "POST");
    return invite(request, parts[2], wall, lose_one, reply);
  }
  if (parts[3] == "participants") {
    if (request.method != "GET") return refuse_method(reply, "GET");
    return list(path_and_query(request.target).second, parts[2], reply);
  }
  refuse(reply, 404, "Not Found");
}

void Sandbox::invite(const SandboxRequest& request, std::string_view course, WallTime wall, bool lose_one,
                     SandboxReply& reply) {
  if (!is_json(request.content_type)) return refuse(reply, 415, "Unsupported Media Type");
  if (request.body_too_long) return refuse(reply, 413, "payload is too large");
  if (const auto wrong = reader_.read(request.body, body_)) return refuse_payload(reply, *wrong);
  if (settings_.max_ids > 0 && body_.ids.size() > settings_.max_ids) return refuse(reply, 413, "payload is too large");
  if (!course_exists(course)) return refuse(reply, 404, "course not found");

  // Whom it names, each once. The places to look at are fetched ahead: each is a cache miss of its own.
  const std::uint32_t course_number = members_.course(course);
  members_.reserve_more(body_.ids.size());
  hashes_.clear();
  for (const MemberId& id : body_.ids) {
    hashes_.push_back(MemberTable::hash(course_number, id));
    members_.prefetch(hashes_.back());
  }
  ++call_;
  named_.clear();
  bool holds_unknown = false;
  for (std::size_t i = 0; i < body_.ids.size(); ++i) {
    const std::uint32_t index = members_.find_or_add(hashes_[i], course_number, body_.ids[i]);
    MemberRecord& member = members_[index];
    if (member.last_call == call_) continue;
    if (member.asked == 0 && has_rules_) {
      member.rules = rules_of(member.id);
      member.invited = (member.rules & (invited_before | started_before)) != 0;
      if (member.invited) {
        member.invited_at = wall - std::chrono::hours(24);
        ++stats_.members_invited;
      }
    }
    member.last_call = call_;
    ++member.asked;
    named_.push_back(index);
    holds_unknown = holds_unknown || (member.rules & unknown_member) != 0;
  }
  stats_.members_asked += named_.size();
  if (holds_unknown) return refuse_unknown(reply);

  fresh_.clear();
  std::size_t invited_already = 0;
  for (const std::uint32_t index : named_) {
    MemberRecord& member = members_[index];
    if (member.invited) {
      ++invited_already;
      if (body_.with_mail) {
        ++member.mails_again;
        ++stats_.mails_again;
      }
    } else if ((member.rules & ignored_member) == 0) {
      member.invited = member.by_call = true;
      member.mailed = body_.with_mail;
      member.invited_at = wall;
      fresh_.push_back(index);
    }
  }
  stats_.asked_again += invited_already;
  stats_.members_invited += fresh_.size();
  stats_.invitations += fresh_.size();
  if (body_.with_mail) stats_.mails += fresh_.size();
  if (invited_already == named_.size()) {
    reply.status = settings_.already;
    reply.body.clear();
    return;
  }

  if (lose_one && !fresh_.empty()) {
    fresh_.erase(fresh_.begin() + static_cast<std::ptrdiff_t>(fault_chance_.below(fresh_.size())));
  }
  const CourseText text(course);
  const std::string invited_at = format_time(wall);
  reply.status = 201;
  reply.content_type = json_type;
  reply.body.resize(2 + fresh_.size() * (1 + text.participant_room()));
  char* out = reply.body.data();
  *out++ = '[';
  for (const std::uint32_t index : fresh_) {
    if (index != fresh_.front()) *out++ = ',';
    out = write_participant(out, members_[index], text, invited_at);
  }
  *out++ = ']';
  reply.body.resize(static_cast<std::size_t>(out - reply.body.data()));
}

void Sandbox::refuse_unknown(SandboxReply& reply) const {
  if (!settings_.quote_poison) return refuse(reply, 400, "Bad Request");
  std::string message = "spot members not found:";
  for (const std::uint32_t index : named_) {
    if ((members_[index].rules & unknown_member) != 0) message += ' ' + members_[index].id.text();
  }
  refuse(reply, 400, message);
}

void Sandbox::list(std::string_view query, std::string_view course, SandboxReply& reply) const {
  const auto page = read_count(query, "page", 1);
  const auto limit = read_count(query, "limit", 20);
  if (!page || !limit || *limit > 1000) return refuse_payload(reply, "page or limit is not a number in range");
  if (!course_exists(course)) return refuse(reply, 404, "course not found");

  const auto number = members_.find_course(course);
  const CourseText text(course);
  const std::size_t first = (*page - 1) * *limit;
  std::size_t total = 0;
  std::string participant(text.participant_room(), '\0');
  reply.body = R"({"items":[)";
  for (std::size_t i = 0; number && i < members_.size(); ++i) {
    const MemberRecord& member = members_[i];
    if (member.course != *number || !member.invited) continue;
    if (total >= first && total - first < *limit) {
      if (total > first) reply.body += ',';
      const char* end = write_participant(participant.data(), member, text, format_time(member.invited_at));
      reply.body.append(participant.data(), static_cast<std::size_t>(end - participant.data()));
    }
    ++total;
  }
  reply.body += fmt::format(R"(],"total":{}}})", total);
  reply.status = 200;
  reply.content_type = json_type;
}

void Sandbox::serve_own(const SandboxRequest& request, std::string_view path, SandboxReply& reply) const {
  const bool is_stats = path == "/_sandbox/stats";
  const bool is_members = path == "/_sandbox/members";
  if (!is_stats && !is_members) return refuse(reply, 404, "Not Found");
  if (request.method != "GET") return refuse_method(reply, "GET");
  answer(reply, 200, is_stats ? stats_json() : std::string());
  if (is_members) reply.content_type = "application/x-ndjson";
  reply.lists_members = is_members;
}

std::uint8_t Sandbox::rules_of(const MemberId& id) const {
  const std::string text = id.text();
  int rules = 0;
  if (any_prefix(settings_.poison, text)) rules |= unknown_member;
  if (any_prefix(settings_.ignore, text)) rules |= ignored_member;
  if (any_prefix(settings_.invited, text)) rules |= invited_before;
  if (any_prefix(settings_.started, text)) rules |= started_before;
  return static_cast<std::uint8_t>(rules);
}

bool Sandbox::course_exists(std::string_view id) const {
  const auto& courses = settings_.courses;
  return courses.empty() || std::find(courses.begin(), courses.end(), id) != courses.end();
}

}  // namespace convoke
