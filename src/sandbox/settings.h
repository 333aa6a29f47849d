// What the sandbox is to be like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/limit.h"
#include "sandbox/fault.h"

namespace convoke {

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
  std::uint64_t seed = 1;  ///< of latency and faults

  /// Of each kind, only these exist; empty: any does.
  std::vector<std::string> courses, learning_paths, channels;
  bool calls_known_failed = false;  ///< a channel names those who are in already as failed; else as added
  int already = 200;        ///< of a course: what a call whose members were all invited already is answered: 200 or 204
  std::size_t max_ids = 0;  ///< more ids in a call are refused (413); 0: no such limit
  std::vector<std::string> poison;   ///< members unknown to the account: a call that holds one is refused (400)
  bool quote_poison = false;         ///< that refusal quotes them; else it names nobody
  std::vector<std::string> ignore;   ///< members never invited and missing from every 201
  std::vector<std::string> invited;  ///< members invited before
  std::vector<std::string> started;  ///< members invited before, and Started
};

}  // namespace convoke
