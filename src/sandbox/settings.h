// What the sandbox is to be like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/limit.h"
#include "base/member_id.h"
#include "sandbox/fault.h"

namespace convoke {

/// A spot member of a list.
struct ListedMember {
  std::string address;
  MemberId id;
};

/// Who has which e-mail address. Addresses are compared in lower case (ASCII). Shares are of all addresses there could
/// be, 0 to 1, told apart by the seed: no list to keep.
struct SpotMemberSettings {
  double share_of_addresses_known = 1;  ///< these exist from the start, with ids that follow from address and seed
  /// If given, these exist from the start, each address and id once, and nobody else.
  std::optional<std::vector<ListedMember>> listed;
  double refused_addresses = 0;  ///< the share of the others of whom no member is made
};

/// Rules on members are prefixes of their ids (hexadecimal digits and dashes, either case): no list to keep.
struct SandboxSettings {
  std::string key;            ///< what Authorization must hold; empty: anything but nothing
  std::vector<Limit> limits;  ///< all hold at once; none: no limits
  Duration latency_low{};     ///< each answer takes from low to high
  Duration latency_high{};
  std::vector<Fault> faults;  ///< at most one strikes a request
  /// The request to /v1 of that number, from 1, meets this fault whatever `faults` says. (The limits come first: over
  /// them it is a 429 all the same.)
  std::map<std::uint64_t, Fault> script;
  std::uint64_t seed = 1;  ///< of latency and faults, and of who the spot members are

  /// Of each kind, only these exist; empty: any does.
  std::vector<std::string> courses, learning_paths, channels;
  std::vector<std::string> draft_courses;  ///< these exist, too, in Draft; all others are Published
  bool calls_known_failed = false;         ///< a channel names those who are in already as failed; else as added
  int already = 200;        ///< of a course: what a call whose members were all invited already is answered: 200 or 204
  std::size_t max_ids = 0;  ///< more ids or addresses in a call are refused (413); 0: no such limit
  std::vector<std::string> poison;   ///< members unknown to the account: a call that holds one is refused (400)
  bool quote_poison = false;         ///< that refusal quotes them; else it names nobody
  std::vector<std::string> ignore;   ///< members never invited and missing from every 201
  std::vector<std::string> invited;  ///< members invited before
  std::vector<std::string> started;  ///< members invited before, and Started

  SpotMemberSettings spot_members;
  std::size_t first_page = 1;       ///< the number of a list's first page: 0 or 1
  std::size_t page_limit = 100;     ///< the most items of a list that one answer holds, whatever the call asks for
  bool refuse_large_pages = false;  ///< a call that asks for more is refused (400); else it is answered with fewer
  std::size_t largest_lookup = 0;   ///< more addresses in an `email[in]` are refused (400); 0: no such limit
  std::size_t longest_target = 0;   ///< a longer request target, in bytes, is refused (414); 0: no such limit
};

}  // namespace convoke
