// What the sandbox does wrong on purpose, and how often.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convoke {

/// Whether the call took effect is part of each meaning: the client cannot see it, the sandbox's record can.
enum class FaultKind {
  status,       ///< answers Fault::status (a 3xx: a redirect elsewhere), and did nothing
  reset,        ///< closes the connection without an answer, and did nothing
  reset_after,  ///< acts, then closes the connection without an answer
  stall,        ///< acts, then never answers
  truncate,     ///< acts, then sends half of the body and closes (without a body: as reset_after)
  garbage,      ///< acts, then answers 201 with a body that is not JSON (an error stays as it is)
  slow,         ///< acts and answers, one second late
  lost,         ///< acts, and leaves one of the members it invited or made out of the answer (if there is any)
  login         ///< answers 200 with a page to log in on, as what stands before an API may, and did nothing
};

struct Fault {
  FaultKind kind = FaultKind::status;
  int status = 0;          ///< 300 to 599 if kind is status, else 0
  double probability = 0;  ///< of a request being struck, 0 to 1; without meaning in a script

  bool operator==(const Fault&) const = default;
};

/// Reads `500:0.01,reset-after:0.02`: kinds as on the command line (a status, or a name of FaultKind with `-`), each
/// with its probability. An empty text means none. Throws Error(Exit::usage) that names what is wrong: no such kind, a
/// probability outside 0 to 1, or probabilities that add up to more than 1.
std::vector<Fault> parse_faults(std::string_view text);

/// `reset-after`, `503`.
std::string name_of(const Fault& fault);

}  // namespace convoke
