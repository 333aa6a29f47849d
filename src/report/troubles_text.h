// What is not well with members and rows, and the command that lists all of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ledger/troubles.h"

namespace convoke {

/// What is the matter, and what the API, the network or the list had to say to it, of that at most `longest` bytes.
std::string in_words(const Trouble& trouble, std::size_t longest);

/// "for example line 7", where there are more than that one.
std::string where_it_is(const Trouble& trouble);

/// The lines of `outcome` ("rejected", "invalid"), indented: how often each kind of trouble, and one example.
std::string troubles_text(const std::vector<Trouble>& troubles, std::string_view outcome);
std::string troubles_json(const std::vector<Trouble>& troubles);

/// "convoke export NAME --outcome rejected", or how else all members or rows of such an outcome are listed.
std::string listing_command(const std::string& job, const std::string& ledger, std::string_view outcome);

}  // namespace convoke
