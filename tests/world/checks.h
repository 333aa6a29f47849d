// What the seeds hold against the server's own record after each run, beside the invariants (world.h).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "world.h"

namespace convoke {

/// Members that the ledger has settled, with how often they were asked for by then. What was sent before may arrive
/// later. (Who failed is due again by itself, and so is who comes back in doubt.)
using Settled = std::map<std::string, std::uint32_t>;

Settled settled_members(World& world, const std::vector<WorldJob>& jobs);
void check_nobody_asked_again(World& world, const Settled& settled);

/// The members of a list, each once: those it names, and those who have the addresses in it.
std::set<std::string> members_of(const World& world, const WorldJob& job);
/// The addresses of a list that nobody has, folded, each once.
std::set<std::string> unknown_addresses_of(const World& world, const WorldJob& job);

/// What the exit code says is so, by the list and the server's record.
void check_exit(World& world, const WorldJob& job, const World::Ended& ended, bool ignore_invalid);

/// The ledger holds of each member of the job who takes part, and how, what the server does; and each was told of as it
/// is.
void check_verified(World& world, const WorldJob& job);

/// A list that was cut off is not believed: exit 65, and nobody is withdrawn or asked for. False: the list left was not
/// so short that it had to be refused.
bool check_cut_list(World& world, const WorldJob& whole, JobRunSettings settings);

}  // namespace convoke
