#include "sandbox/sandbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sandbox/participant.h"
#include "sandbox/request_target.h"

namespace convoke {
namespace {

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

/// The calls that invite: POST /v1/<of>/{id}/<how>.
struct Inviting {
  std::string_view of;
  std::string_view how;
  TargetKind kind;
};
constexpr std::array<Inviting, 3> invitings = {{
    {"courses", "participants~bulkInvite", TargetKind::course},
    {"learningPaths", "participants~bulkInvite", TargetKind::learning_path},
    {"channels", "spotMembers~bulkAdd", TargetKind::channel},
}};

/// Whether a request that is struck so is served all the same.
bool acts(FaultKind kind) {
  return kind != FaultKind::status && kind != FaultKind::reset && kind != FaultKind::login;
}

}  // namespace

Sandbox::Sandbox(SandboxSettings settings)
    : settings_(std::move(settings)),
      arrivals_(settings_.limits),
      spot_members_(std::move(settings_.spot_members), settings_.seed),
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
  if (path.starts_with("/_sandbox/")) return serve_own(request, path, wall, reply);
  if (path != "/v1" && !path.starts_with("/v1/")) return reply.refuse(404, "Not Found");

  ++stats_.requests;
  reply.delay = next_delay();
  const auto fault = next_fault();
  const Duration wait = arrivals_.count(now);
  if (wait > Duration::zero()) {
    ++stats_.over_limit;
    reply.refuse(429, "Too Many Requests");
    reply.retry_after = std::chrono::ceil<std::chrono::seconds>(wait);
  } else {
    if (fault) ++stats_.faults[name_of(*fault)];
    if (!fault || acts(fault->kind)) serve(request, path, wall, fault && fault->kind == FaultKind::lost, reply);
    if (fault) reply.strike(*fault);
  }
  if (reply.reaches_client()) {
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

void Sandbox::serve(const SandboxRequest& request, std::string_view path, WallTime wall, bool lose_one,
                    SandboxReply& reply) {
  if (settings_.longest_target > 0 && request.target.size() > settings_.longest_target) {
    return reply.refuse(414, "URI Too Long");
  }
  // No "Bearer" even where any key will do: the API takes the bare key.
  const std::string_view key = request.authorization;
  if (settings_.key.empty() ? key.empty() || key.starts_with("Bearer ") : key != settings_.key) {
    return reply.refuse(401, "Unauthorized");
  }
  const auto segments = path_segments(path);
  if (!segments) return reply.refuse(400, "the path is not percent-encoded well");
  const auto& parts = *segments;
  if (parts.size() == 2) return serve_account(request, parts[1], wall, lose_one, reply);
  if (parts.size() != 4 || parts[2].empty()) return reply.refuse(404, "Not Found");
  if (parts[1] == "courses" && parts[3] == "participants") {
    if (request.method != "GET") return reply.refuse_method("GET");
    return list_participants(path_and_query(request.target).second, parts[2], reply);
  }
  for (const Inviting& inviting : invitings) {
    if (parts[1] != inviting.of || parts[3] != inviting.how) continue;
    if (request.method != "POST") return reply.refuse_method("POST");
    return invite(request, {inviting.kind, parts[2]}, wall, lose_one, reply);
  }
  reply.refuse(404, "Not Found");
}

/// The calls that name no target: /v1/<what>.
void Sandbox::serve_account(const SandboxRequest& request, std::string_view what, WallTime wall, bool lose_one,
                            SandboxReply& reply) {
  const bool makes = what == "spotMembers~bulkInvite";
  if (!makes && what != "spotMembers" && what != "courses") return reply.refuse(404, "Not Found");
  const std::string_view method = makes ? "POST" : "GET";
  if (request.method != method) return reply.refuse_method(method);
  if (makes) return make_members(request, wall, lose_one, reply);
  const std::string_view query = path_and_query(request.target).second;
  if (what == "courses") return list_courses(query, reply);
  look_up(query, reply);
}

bool Sandbox::refuses_body(const SandboxRequest& request, SandboxReply& reply) {
  const bool json = is_json(request.content_type);
  if (json && !request.body_too_long) return false;
  reply.refuse(json ? 413 : 415, json ? "payload is too large" : "Unsupported Media Type");
  return true;
}

void Sandbox::invite(const SandboxRequest& request, const Target& target, WallTime wall, bool lose_one,
                     SandboxReply& reply) {
  if (refuses_body(request, reply)) return;
  if (const auto wrong = reader_.read(request.body, call_.body)) return reply.refuse_payload(*wrong);
  const bool is_channel = target.kind == TargetKind::channel;
  if (is_channel && call_.body.has_options) return reply.refuse_payload("only spotMemberIds should exist");
  if (settings_.max_ids > 0 && call_.body.ids.size() > settings_.max_ids)
    return reply.refuse(413, "payload is too large");
  if (!exists(target)) return reply.refuse(404, fmt::format("{} not found", words_of(target.kind)));

  const bool holds_unknown = note_named(members_.number_of(target.kind, target.id), wall);
  if (holds_unknown && !is_channel) return refuse_unknown(reply);
  const bool all_were_in = invite_named(wall) == call_.named.size();
  if (is_channel) return answer_added(lose_one, reply);
  if (all_were_in) {
    reply.status = target.kind == TargetKind::learning_path ? 204 : settings_.already;
    reply.body.clear();
    return;
  }
  auto& fresh = call_.fresh;
  if (lose_one && !fresh.empty()) {
    fresh.erase(fresh.begin() + static_cast<std::ptrdiff_t>(fault_chance_.below(fresh.size())));
  }
  answer_participants(target, wall, reply);
}

/// Who was invited by this call.
void Sandbox::answer_participants(const Target& target, WallTime wall, SandboxReply& reply) {
  const auto& fresh = call_.fresh;
  const TargetText text(target);
  const std::string invited_at = time_json(target.kind, wall);
  reply.status = 201;
  reply.content_type = SandboxReply::json_type;
  std::size_t room = 2 + fresh.size() * (1 + text.participant_room());
  call_.persons.clear();
  for (const std::uint32_t index : fresh) {
    room += call_.persons.emplace_back(spot_members_.with_id(members_[index].id)).address_json.size();
  }
  reply.body.resize(room);
  char* out = reply.body.data();
  *out++ = '[';
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (i > 0) *out++ = ',';
    out = write_participant(out, members_[fresh[i]], call_.persons[i], text, invited_at);
  }
  *out++ = ']';
  reply.body.resize(static_cast<std::size_t>(out - reply.body.data()));
}

/// What a channel says of all whom the call named, but for those whom it ignores.
void Sandbox::answer_added(bool lose_one, SandboxReply& reply) {
  const std::size_t lost = lose_one ? fault_chance_.below(call_.named.size()) : call_.named.size();
  std::string added;
  std::string failed;
  auto fresh = call_.fresh.begin();  // in the order of the named
  for (std::size_t i = 0; i < call_.named.size(); ++i) {
    const MemberRecord& member = members_[call_.named[i]];
    const bool is_fresh = fresh != call_.fresh.end() && *fresh == call_.named[i];
    if (is_fresh) ++fresh;
    if (i == lost || (member.rules & ignored_member) != 0) continue;
    std::string& names = member.invited() && (is_fresh || !settings_.calls_known_failed) ? added : failed;
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ",", member.id.text());
  }
  reply.answer(200, fmt::format(R"({{"addedSpotMemberIds":[{}],"failedSpotMemberIds":[{}]}})", added, failed));
}

/// Whom the call names, each once. Returns whether it names anybody who is unknown.
bool Sandbox::note_named(std::uint32_t target, WallTime wall) {
  // The places to look at are fetched ahead: each is a cache miss of its own.
  const auto& ids = call_.body.ids;
  members_.reserve_more(ids.size());
  call_.hashes.clear();
  for (const MemberId& id : ids) {
    call_.hashes.push_back(MemberTable::hash(target, id));
    members_.prefetch(call_.hashes.back());
  }
  ++call_.number;
  call_.named.clear();
  bool holds_unknown = false;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::uint32_t index = members_.find_or_add(call_.hashes[i], target, ids[i]);
    MemberRecord& member = members_[index];
    if (member.last_call == call_.number) continue;
    if (member.asked == 0 && has_rules_) {
      member.rules = rules_of(member.id);
      if ((member.rules & (invited_before | started_before)) != 0) {
        member.invite(wall - std::chrono::hours(24));
        const bool started = (member.rules & started_before) != 0;
        if (started) member.become(Participation::started, member.invited_at + std::chrono::hours(1));
        members_.add_participant(index);
        ++stats_.members_invited;
      }
    }
    member.last_call = call_.number;
    ++member.asked;
    call_.named.push_back(index);
    holds_unknown = holds_unknown || (member.rules & unknown_member) != 0;
  }
  stats_.members_asked += call_.named.size();
  return holds_unknown;
}

/// Invites whom the call names. Returns how many were invited already.
std::size_t Sandbox::invite_named(WallTime wall) {
  const bool with_mail = call_.body.with_mail;
  call_.fresh.clear();
  std::size_t invited_already = 0;
  for (const std::uint32_t index : call_.named) {
    MemberRecord& member = members_[index];
    if (member.invited()) {
      ++invited_already;
      if (with_mail) {
        ++member.mails_again;
        ++stats_.mails_again;
      }
    } else if ((member.rules & (ignored_member | unknown_member)) == 0) {
      member.invite(wall);
      member.by_call = true;
      member.mailed = with_mail;
      call_.fresh.push_back(index);
      members_.add_participant(index);
    }
  }
  stats_.asked_again += invited_already;
  stats_.members_invited += call_.fresh.size();
  stats_.invitations += call_.fresh.size();
  if (with_mail) stats_.mails += call_.fresh.size();
  return invited_already;
}

void Sandbox::refuse_unknown(SandboxReply& reply) const {
  if (!settings_.quote_poison) return reply.refuse(400, "Bad Request");
  std::string message = "spot members not found:";
  for (const std::uint32_t index : call_.named) {
    if ((members_[index].rules & unknown_member) != 0) message += ' ' + members_[index].id.text();
  }
  reply.refuse(400, message);
}

void Sandbox::serve_own(const SandboxRequest& request, std::string_view path, WallTime wall, SandboxReply& reply) {
  if (path == "/_sandbox/participants") {
    if (request.method != "POST") return reply.refuse_method("POST");
    return serve_change(path_and_query(request.target).second, wall, reply);
  }
  const bool is_stats = path == "/_sandbox/stats";
  const RecordLines lines = path == "/_sandbox/members" ? RecordLines::members
                            : path == "/_sandbox/made"  ? RecordLines::made
                                                        : RecordLines::none;
  if (!is_stats && lines == RecordLines::none) return reply.refuse(404, "Not Found");
  if (request.method != "GET") return reply.refuse_method("GET");
  reply.answer(200, is_stats ? stats_json() : std::string());
  if (!is_stats) reply.content_type = "application/x-ndjson";
  reply.lines = lines;
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

bool Sandbox::exists(const Target& target) const {
  const auto& known = target.kind == TargetKind::course          ? settings_.courses
                      : target.kind == TargetKind::learning_path ? settings_.learning_paths
                                                                 : settings_.channels;
  if (known.empty() || std::find(known.begin(), known.end(), target.id) != known.end()) return true;
  return target.kind == TargetKind::course && is_draft(target.id);
}

}  // namespace convoke
