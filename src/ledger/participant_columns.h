// What is kept of participants, as columns of a chunk (schema.sql): NULL, one value that all members share, or a JSON
// array with one value for each.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/chunk.h"

namespace convoke {

/// Each column, in the order in which ListedParticipant::said has them.
std::array<std::string*, 9> columns_in_order(ParticipantColumns& columns);

/// A column of JSON texts (empty: null), of the members with these indices.
std::string column_of_tokens(const std::vector<std::string_view>& tokens, const std::vector<std::uint32_t>& members);

/// The columns of a chunk's members by what is said of each now (ListedParticipant::said). Of whom nothing is said
/// (empty), and of a profile if none is kept, what `before` says.
ParticipantColumns columns_of(const std::vector<std::string>& said, ParticipantColumns before);

/// A column's text for each of so many members; empty: null.
std::vector<std::string> texts_of(const std::string& column, std::size_t members);

/// Those of some members.
std::string picked_column(const std::string& column, const std::vector<std::uint32_t>& members);

}  // namespace convoke
