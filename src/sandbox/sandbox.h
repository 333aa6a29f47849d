// A stand-in of the API, written from what is known of it (docs/api.md) and not from any client of it: a function from
// a request and a time to an answer, with a record of what it did. No sockets, no threads, no clock; the same settings
// and the same requests at the same times give the same answers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "sandbox/arrivals.h"
#include "sandbox/invite_body.h"
#include "sandbox/list_query.h"
#include "sandbox/member_table.h"
#include "sandbox/participant.h"
#include "sandbox/random.h"
#include "sandbox/reply.h"
#include "sandbox/settings.h"
#include "sandbox/spot_members.h"

namespace convoke {

struct SandboxRequest {
  std::string_view method{};
  std::string_view target{};  ///< as in the request line; may be in absolute form
  std::string_view authorization{};
  std::string_view content_type{};
  std::string_view body{};
  bool body_too_long = false;  ///< the server gave up reading it
};

/// What happened so far. Calls that were refused before they were looked at (401, 413, 429, faults) count as requests
/// only.
struct SandboxStats {
  std::uint64_t requests = 0;                   ///< to /v1
  std::map<int, std::uint64_t> statuses;        ///< of the requests that were answered
  std::uint64_t unanswered = 0;                 ///< the others: reset or stalled
  std::map<std::string, std::uint64_t> faults;  ///< by name, as far as they struck
  std::uint64_t over_limit = 0;                 ///< requests over one limit or several
  std::uint64_t connections = 0;                ///< that the server accepted
  std::uint64_t members_asked = 0;              ///< the sum of MemberRecord::asked
  std::uint64_t asked_again = 0;                ///< of these, for members invited already
  std::uint64_t members_invited = 0;            ///< invited now, by a call or before
  std::uint64_t invitations = 0;                ///< members invited by a call
  std::uint64_t mails = 0;                      ///< of these, with a mail
  std::uint64_t mails_again = 0;                ///< mails asked for members invited already
  std::uint64_t lookups = 0;                    ///< of spot members, answered 200
  std::uint64_t addresses_asked = 0;            ///< in these
  std::uint64_t members_made = 0;   ///< of addresses, by calls; each once, for there is no way to do it twice
  std::uint64_t made_again = 0;     ///< addresses of which a call was to make a member that exists already
  std::uint64_t mails_to_made = 0;  ///< members made with a mail
};

/// What can become of participants without a call to /v1.
enum class ParticipantChange { started, completed, unenrolled, removed };

class Sandbox {
 public:
  explicit Sandbox(SandboxSettings settings);

  /// Answers one request that arrives at `now`; whatever it does is done when this returns. `now` does not run
  /// backwards. `reply` is overwritten, its memory used again.
  void handle(const SandboxRequest& request, Instant now, WallTime wall, SandboxReply& reply);
  SandboxReply handle(const SandboxRequest& request, Instant now, WallTime wall);

  /// Changes, behind the client's back, who takes part: the participants of a course (empty: of all), and no other
  /// targets, whose id in lower case begins with `prefix` (empty: all). A call that names somebody who was removed
  /// invites it anew, whatever the settings say of who was invited before; all others are invited already. Returns how
  /// many it changed: not those who are so already.
  std::size_t change_participants(std::string_view course, std::string_view prefix, ParticipantChange what,
                                  WallTime wall);

  void connection_opened() { ++stats_.connections; }

  // The record, to be held against a client's own.
  const SandboxStats& stats() const { return stats_; }
  const std::vector<WindowCount>& windows() const { return arrivals_.windows(); }  ///< as settings.limits
  const MemberTable& members() const { return members_; }
  const SpotMembers& spot_members() const { return spot_members_; }

  /// Appends `from` to `from + count` of the members, or of the members made, as JSON lines; false: there are none.
  bool append_lines(std::string& out, RecordLines which, std::size_t from, std::size_t count) const;
  std::string stats_json() const;

 private:
  void serve(const SandboxRequest& request, std::string_view path, WallTime wall, bool lose_one, SandboxReply& reply);
  void serve_account(const SandboxRequest& request, std::string_view what, WallTime wall, bool lose_one,
                     SandboxReply& reply);
  static bool refuses_body(const SandboxRequest& request, SandboxReply& reply);
  void invite(const SandboxRequest& request, const Target& target, WallTime wall, bool lose_one, SandboxReply& reply);
  void answer_participants(const Target& target, WallTime wall, SandboxReply& reply);
  void answer_added(bool lose_one, SandboxReply& reply);
  bool note_named(std::uint32_t target, WallTime wall);
  std::size_t invite_named(WallTime wall);
  void refuse_unknown(SandboxReply& reply) const;
  void look_up(std::string_view query, SandboxReply& reply);
  void make_members(const SandboxRequest& request, WallTime wall, bool lose_one, SandboxReply& reply);
  void list_courses(std::string_view query, SandboxReply& reply) const;
  std::vector<std::string> known_courses() const;
  void list_participants(std::string_view query, std::string_view course, SandboxReply& reply);
  std::vector<std::uint32_t> participants_with(const std::vector<std::string>& addresses, std::uint32_t course);
  bool is_draft(std::string_view course) const;
  void serve_own(const SandboxRequest& request, std::string_view path, WallTime wall, SandboxReply& reply);
  void serve_change(std::string_view query, WallTime wall, SandboxReply& reply);
  std::optional<Fault> next_fault();
  Duration next_delay();
  std::uint8_t rules_of(const MemberId& id) const;
  bool exists(const Target& target) const;

  SandboxSettings settings_;
  bool has_rules_ = false;
  Arrivals arrivals_;
  MemberTable members_;
  SpotMembers spot_members_;
  SandboxStats stats_;
  Random fault_chance_;
  Random delay_chance_;
  InviteBodyReader reader_;

  /// The call at hand; kept for its memory.
  struct {
    InviteBody body;
    std::uint32_t number = 0;
    std::vector<std::uint64_t> hashes;
    std::vector<std::uint32_t> named;  ///< the members of the call, each once
    std::vector<std::uint32_t> fresh;  ///< of these, the newly invited
    std::vector<KnownPerson> persons;  ///< who these are
  } call_;
};

}  // namespace convoke
