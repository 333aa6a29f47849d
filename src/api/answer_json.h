// What readers of answers share: JSON read in place (simdjson, on demand), ids found among those asked for. In the
// header, since it is done for every key of every participant. Loop thread only.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/member_id.h"

namespace convoke {

/// simdjson keeps four bytes for each brace, comma and the like. In a large body that is made of nothing else they
/// would take four times its own memory: it is not read.
inline bool is_hollow(std::string_view body) {
  constexpr std::size_t large = 1U << 20U;
  constexpr std::string_view marks = "{}[]:,\"";
  const auto is_mark = [&](char c) { return marks.find(c) != std::string_view::npos; };
  return body.size() > large && 2 * static_cast<std::size_t>(std::ranges::count_if(body, is_mark)) > body.size();
}

/// Keys and ids stand in the text as they are, bar what some odd encoder escapes: then they are unescaped, which costs.
/// Throw simdjson_error where the JSON is wrong.
inline std::string_view key_of(simdjson::ondemand::field& field) {
  const char* begin = field.key().raw();
  const char* end = begin;
  while (*end != '"' && *end != '\\') ++end;
  if (*end == '"') return {begin, static_cast<std::size_t>(end - begin)};
  return field.unescaped_key();
}

inline std::optional<MemberId> member_id_of(simdjson::ondemand::value value) {
  const std::string_view token = value.raw_json_token();
  if (token.size() > MemberId::text_size + 1 && token.front() == '"' && token[MemberId::text_size + 1] == '"') {
    if (const auto id = MemberId::parse(token.substr(1, MemberId::text_size))) return id;
  }
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
  return MemberId::parse(text);
}

/// Where `id` stands among `ids`, which ascend; their number: nowhere. `expected`: where it does if the answer keeps
/// the order of the question, as most do.
inline std::size_t index_of(const MemberId& id, std::size_t expected, const std::vector<MemberId>& ids) {
  if (expected < ids.size() && ids[expected] == id) return expected;
  const auto found = std::lower_bound(ids.begin(), ids.end(), id);
  return found != ids.end() && *found == id ? static_cast<std::size_t>(found - ids.begin()) : ids.size();
}

/// What `read` makes of the body, as it is given the document; empty: it is not JSON to its very end, or not what
/// `read` takes it for (it throws simdjson_error then). Nothing in it can be relied on in that case. `body` gets the
/// room for simdjson's padding here if it lacks it.
template <class Read>
auto read_answer(std::string& body, Read read)
    -> std::optional<decltype(read(std::declval<simdjson::ondemand::document&>()))> {
  static thread_local simdjson::ondemand::parser parser;  // keeps its buffers from answer to answer
  if (is_hollow(body)) return std::nullopt;
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  try {
    auto document = parser.iterate(simdjson::padded_string_view(body.data(), body.size(), body.capacity())).value();
    auto what = read(document);
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return std::nullopt;
    return what;
  } catch (const simdjson::simdjson_error& error) {
    if (error.error() == simdjson::MEMALLOC) throw std::bad_alloc();  // ours, and not the answer's fault
    return std::nullopt;
  }
}

}  // namespace convoke
