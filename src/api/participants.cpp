#include "api/participants.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "api/answer_json.h"
#include "api/read_page.h"
#include "base/clock.h"
#include "base/text.h"
#include "ledger/participant_columns.h"

namespace convoke {
namespace {

namespace ondemand = simdjson::ondemand;

// The attributes that are kept: those in the order of ParticipantColumns, then those of a profile.
constexpr std::array<std::string_view, 11> attribute_names = {"id",
                                                              "status",
                                                              "invitedAt",
                                                              "startedAt",
                                                              "completedAt",
                                                              "unenrolledAt",
                                                              "lastActivityAt",
                                                              "completionRate",
                                                              "spotMemberEmail",
                                                              "spotMemberFirstname",
                                                              "spotMemberLastname"};
constexpr std::size_t first_time = 2;
constexpr std::size_t last_time = 6;
constexpr std::size_t completion_rate = 7;
constexpr std::size_t column_count = 8;
constexpr std::size_t attribute_count = attribute_names.size();

// Where the search for a key of this size begins: it is made for every key of every participant.
constexpr auto first_of_size = [] {
  std::array<std::size_t, 20> first{};
  first.fill(attribute_count);
  for (std::size_t i = attribute_count; i-- > 0;) first[attribute_names[i].size()] = i;
  return first;
}();

// attribute_count: it is not kept.
std::size_t attribute_named(std::string_view key) {
  if (key.size() >= first_of_size.size()) return attribute_count;
  std::size_t attribute = first_of_size[key.size()];
  while (attribute < attribute_count && attribute_names[attribute] != key) ++attribute;
  return attribute;
}

constexpr std::size_t longest_text = 1024;

// Texts of one answer that had to be written anew live here; all others are views into the body. One that has more of
// them than the API would write is not read on (simdjson_error).
class Rewritten {
 public:
  explicit Rewritten(std::size_t most) : most_(most) {}

  std::string_view add(std::string text) {
    bytes_ += text.size();
    if (texts_.size() == most_ || bytes_ > most_bytes) throw simdjson::simdjson_error(simdjson::CAPACITY);
    return texts_.emplace_back(std::move(text));
  }

 private:
  static constexpr std::size_t most_bytes = 4U << 20U;
  std::size_t most_;
  std::size_t bytes_ = 0;
  std::deque<std::string> texts_;
};

// A time as a number: ms since the epoch. As the text that others of the API's calls have for it.
std::string_view time_of(ondemand::value value, Rewritten& rewritten) {
  constexpr std::int64_t last = 253'402'300'799'999;  // of the year 9999
  std::int64_t ms = 0;
  if (value.get_int64().get(ms) != simdjson::SUCCESS || ms < 0 || ms > last) return {};
  return rewritten.add(json_string(format_time(WallTime(std::chrono::milliseconds(ms)))));
}

// A JSON text for the value, fit to stand in an array; empty: null, absent or of a wrong type.
std::string_view token_of(ondemand::value value, std::size_t attribute, Rewritten& rewritten) {
  ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return {};
  if (type == ondemand::json_type::number && attribute >= first_time && attribute <= last_time)
    return time_of(value, rewritten);
  if (attribute == completion_rate) {
    std::int64_t number = 0;
    std::string_view token = value.raw_json_token();
    if (type != ondemand::json_type::number || value.get_int64().get(number) != simdjson::SUCCESS) return {};
    const auto end = token.find_first_not_of("-0123456789");
    return token.substr(0, end);
  }
  if (type != ondemand::json_type::string) return {};
  std::string_view token = value.raw_json_token();
  if (token.size() > longest_text) return {};  // whatever it is, it is not ours to keep
  const auto plain_end = std::find_if(token.begin() + 1, token.end(), [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  });
  if (plain_end != token.end() && *plain_end == '"')
    return token.substr(0, static_cast<std::size_t>(plain_end - token.begin()) + 1);
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return {};
  return rewritten.add(json_string(text));
}

bool is_another(ondemand::value value, std::string_view target) {
  const std::string_view token = value.raw_json_token();
  if (!token.starts_with('"')) return false;
  if (token.size() > target.size() + 1 && token.substr(1, target.size()) == target && token[target.size() + 1] == '"')
    return false;
  const std::string_view text = value.get_string();
  return !std::ranges::equal(text, target, {}, lower, lower);
}

// Of each attribute, what a 201 says of each member that was asked for.
using Tokens = std::array<std::vector<std::string_view>, attribute_count>;

// `token_of` gives the text of each attribute.
template <class TokenOf>
void append_profile(std::string& out, TokenOf token_of) {
  for (std::size_t i = column_count; i < attribute_count; ++i) {
    const std::string_view token = token_of(i);
    out += i == column_count ? "{\"" : ",\"";
    out += attribute_names[i];
    out += "\":";
    out += token.empty() ? "null" : token;
  }
  out += '}';
}

std::string profile_column(const Tokens& tokens, const std::vector<std::uint32_t>& named) {
  std::string column;
  for (const auto member : named) {
    column += column.empty() ? "[" : ",";
    append_profile(column, [&](std::size_t attribute) { return tokens[attribute][member]; });
  }
  return column.empty() ? column : column + ']';
}

// One entry of an answer, as far as it is kept.
struct Entry {
  std::optional<MemberId> id;
  bool is_of_another = false;  // target
  std::array<std::string_view, attribute_count> said;
};

Entry read_entry(ondemand::object object, AskedTarget target, std::size_t kept, Rewritten& rewritten) {
  Entry entry;
  for (ondemand::field field : object) {
    const std::string_view key = key_of(field);
    ondemand::value value = field.value();
    if (key == "spotMemberId") {
      entry.id = member_id_of(value);
    } else if (key == target.key && !target.id.empty()) {
      entry.is_of_another = is_another(value, target.id);
    } else if (const std::size_t attribute = attribute_named(key); attribute < kept) {
      entry.said[attribute] = token_of(value, attribute, rewritten);
    }
  }
  return entry;
}

std::string said_of(const Entry& entry, std::size_t kept) {
  std::string said;
  said.reserve(256);
  for (std::size_t i = 0; i < column_count; ++i) {
    said += said.empty() ? '[' : ',';
    said += entry.said[i].empty() ? "null" : entry.said[i];
  }
  if (kept == attribute_count)
    append_profile(said += ',', [&](std::size_t attribute) { return entry.said[attribute]; });
  return said + ']';
}

// Different for different entries; their sum does not depend on their order.
std::uint64_t mark_of(const MemberId& id) {
  std::uint64_t words[2];
  static_assert(sizeof words == sizeof id.bytes);
  std::memcpy(words, id.bytes.data(), sizeof words);
  // The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): sums of what is alike come to be alike no more.
  std::uint64_t mark = words[0] ^ (words[1] * 0x9E3779B97F4A7C15U);
  mark = (mark ^ (mark >> 30U)) * 0xBF58476D1CE4E5B9U;
  mark = (mark ^ (mark >> 27U)) * 0x94D049BB133111EBU;
  return mark ^ (mark >> 31U);
}

// Takes one entry of a 201 after the other.
class Reader {
 public:
  Reader(const std::vector<MemberId>& ids, KeepProfile keep_profile, AskedTarget target)
      : ids_(ids),
        target_(target),
        kept_(keep_profile == KeepProfile::yes ? attribute_count : column_count),
        is_named_(ids.size()),
        rewritten_((ids.size() + 1) * attribute_count) {
    for (auto& column : tokens_) column.resize(ids.size());
  }

  void take(ondemand::object object) {
    const auto [id, is_of_another, said] = read_entry(object, target_, kept_, rewritten_);
    if (!id) {
      ++participants_.unreadable;
      return;
    }
    const std::size_t index = index_of(*id, expected_, ids_);
    expected_ = index + 1;
    if (is_of_another || index == ids_.size()) {
      ++participants_.foreign;
      participants_.other_target += is_of_another ? 1 : 0;
    } else if (is_named_[index]) {
      ++participants_.doubled;
    } else {
      is_named_[index] = true;
      for (std::size_t i = 0; i < said.size(); ++i) tokens_[i][index] = said[i];
    }
  }

  Participants participants() {
    std::vector<std::uint32_t>& named = participants_.named;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (is_named_[i]) named.push_back(static_cast<std::uint32_t>(i));
    }
    ParticipantColumns& columns = participants_.columns;
    const auto in_order = columns_in_order(columns);
    for (std::size_t i = 0; i < column_count; ++i) *in_order[i] = column_of_tokens(tokens_[i], named);
    if (kept_ == attribute_count) columns.profile = profile_column(tokens_, named);
    return std::move(participants_);
  }

 private:
  const std::vector<MemberId>& ids_;
  AskedTarget target_;
  std::size_t kept_;  // attributes
  std::vector<bool> is_named_;
  Tokens tokens_;
  Rewritten rewritten_;
  std::size_t expected_ = 0;  // where the next one stands, if the answer keeps the order of the question
  Participants participants_;
};

}  // namespace

std::optional<Participants> read_participants(std::string& body, const std::vector<MemberId>& ids,
                                              KeepProfile keep_profile, AskedTarget target) {
  return read_answer(body, [&](ondemand::document& document) {
    Reader reader(ids, keep_profile, target);
    for (auto element : document.get_array()) reader.take(element.get_object());
    return reader.participants();
  });
}

std::optional<Page> read_participants_page(std::string& body, KeepProfile keep_profile, AskedTarget target) {
  constexpr std::size_t most_rewritten = 100'000;
  const std::size_t kept = keep_profile == KeepProfile::yes ? attribute_count : column_count;
  Rewritten rewritten(most_rewritten);
  return read_page(body, [&](Page& page, ondemand::object object) {
    const Entry entry = read_entry(object, target, kept, rewritten);
    if (!entry.id) {
      ++page.unreadable;
      return;
    }
    page.mark += mark_of(*entry.id);
    if (entry.is_of_another) {
      ++page.foreign;
    } else {
      page.participants.push_back({*entry.id, said_of(entry, kept)});
    }
  });
}

}  // namespace convoke
