#include "ledger/participant_columns.h"

#include <simdjson.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace convoke {
namespace {

constexpr std::size_t completion_rate_column = 7;  // the one that holds numbers
constexpr std::size_t never_null = 2;              // so many of the first: the id and the status

bool is_list(std::string_view column) {
  return column.starts_with('[');
}

// A column that is no list any more: somebody's hand was at it, or the disk's.
simdjson::dom::array list_of(simdjson::dom::parser& parser, const std::string& column) {
  simdjson::dom::array list;
  if (parser.parse(column).get(list) == simdjson::SUCCESS) return list;
  throw Error(Exit::disk, "the ledger is damaged: what it says of participants cannot be read", {},
              "restore it from a backup");
}

// A column's JSON text for each member.
std::vector<std::string> tokens_of(const std::string& column, std::size_t members, bool are_numbers) {
  if (column.empty()) return std::vector<std::string>(members);
  if (!is_list(column)) return std::vector<std::string>(members, are_numbers ? column : json_string(column));
  simdjson::dom::parser parser;
  std::vector<std::string> tokens;
  tokens.reserve(members);
  for (const simdjson::dom::element value : list_of(parser, column)) {
    tokens.push_back(value.is_null() ? std::string() : simdjson::minify(value));
  }
  tokens.resize(members);
  return tokens;
}

// What is said of one member, by column.
std::vector<std::string> attributes_of(simdjson::dom::parser& parser, const std::string& said) {
  std::vector<std::string> attributes;
  for (const simdjson::dom::element value : list_of(parser, said)) {
    attributes.push_back(value.is_null() ? std::string() : simdjson::minify(value));
  }
  return attributes;
}

}  // namespace

std::array<std::string*, 9> columns_in_order(ParticipantColumns& columns) {
  return {&columns.participant_id,   &columns.participant_status, &columns.invited_at,
          &columns.started_at,       &columns.completed_at,       &columns.unenrolled_at,
          &columns.last_activity_at, &columns.completion_rate,    &columns.profile};
}

std::string column_of_tokens(const std::vector<std::string_view>& tokens, const std::vector<std::uint32_t>& members) {
  if (members.empty()) return {};
  const std::string_view first = tokens[members.front()];
  const bool all_alike = std::all_of(members.begin(), members.end(), [&](auto at) { return tokens[at] == first; });
  if (all_alike) {
    if (first.empty()) return {};
    if (first.front() != '"' && first.front() != '{') return std::string(first);
    const std::string_view text = first.substr(1, first.size() - 2);
    const bool is_plain = !text.empty() && !is_list(text) && text.find('\\') == std::string_view::npos;
    if (first.front() == '"' && is_plain) return std::string(text);
  }
  std::string column;
  column.reserve(members.size() * (first.size() + 1) + 2);
  for (const auto member : members) {
    column += column.empty() ? '[' : ',';
    column += tokens[member].empty() ? "null" : tokens[member];
  }
  return column + ']';
}

ParticipantColumns columns_of(const std::vector<std::string>& said, ParticipantColumns before) {
  simdjson::dom::parser parser;
  std::vector<std::vector<std::string>> attributes(said.size());
  std::size_t known = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (said[i].empty()) continue;
    attributes[i] = attributes_of(parser, said[i]);
    known = std::max(known, attributes[i].size());
  }
  std::vector<std::uint32_t> all(said.size());
  std::iota(all.begin(), all.end(), 0U);
  const auto columns = columns_in_order(before);
  const bool is_whole = std::none_of(said.begin(), said.end(), [](const auto& text) { return text.empty(); });
  const auto keeps = [&](std::size_t member, std::size_t column) {
    return said[member].empty() || (column < never_null && attributes[member].at(column).empty());
  };
  for (std::size_t column = 0; column < std::min(known, columns.size()); ++column) {
    std::vector<std::string> kept;
    if (!is_whole || column < never_null)
      kept = tokens_of(*columns[column], said.size(), column == completion_rate_column);
    std::vector<std::string_view> tokens(said.size());
    for (std::size_t i = 0; i < said.size(); ++i) {
      if (keeps(i, column)) {
        tokens[i] = kept[i];
      } else if (column < attributes[i].size()) {
        tokens[i] = attributes[i][column];
      }
    }
    *columns[column] = column_of_tokens(tokens, all);
  }
  return before;
}

std::vector<std::string> texts_of(const std::string& column, std::size_t members) {
  if (!is_list(column)) return std::vector<std::string>(members, column);
  simdjson::dom::parser parser;
  std::vector<std::string> texts;
  texts.reserve(members);
  for (const simdjson::dom::element value : list_of(parser, column)) {
    std::string_view text;
    texts.emplace_back(value.get_string().get(text) == simdjson::SUCCESS ? text : std::string_view());
  }
  texts.resize(members);
  return texts;
}

std::string picked_column(const std::string& column, const std::vector<std::uint32_t>& members) {
  if (!is_list(column)) return column;
  simdjson::dom::parser parser;
  const simdjson::dom::array all = list_of(parser, column);
  const std::vector<simdjson::dom::element> values(all.begin(), all.end());
  std::string out;
  for (const auto member : members) out += (out.empty() ? '[' : ',') + simdjson::minify(values.at(member));
  return out + ']';
}

}  // namespace convoke
