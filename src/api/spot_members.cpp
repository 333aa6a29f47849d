#include "api/spot_members.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "api/answer_json.h"
#include "api/error_body.h"
#include "base/text.h"

namespace convoke {
namespace {

namespace ondemand = simdjson::ondemand;

// Where addresses stand among those asked for.
class AskedAddresses {
 public:
  explicit AskedAddresses(std::span<const std::string> addresses) : addresses_(addresses), order_(addresses.size()) {
    std::iota(order_.begin(), order_.end(), 0U);
    std::sort(order_.begin(), order_.end(), [&](auto one, auto other) { return addresses_[one] < addresses_[other]; });
  }

  std::size_t size() const { return order_.size(); }

  /// Nobody asked for it: size().
  std::size_t index_of(std::string_view email) const {
    const auto is_before = [&](std::uint32_t index, std::string_view other) {
      return std::ranges::lexicographical_compare(addresses_[index], other, as_unsigned, {}, lower);
    };
    const auto found = std::lower_bound(order_.begin(), order_.end(), email, is_before);
    if (found == order_.end() || !std::ranges::equal(addresses_[*found], email, {}, {}, lower)) return size();
    return *found;
  }

 private:
  // As std::string orders them.
  static bool as_unsigned(char one, char other) {
    return static_cast<unsigned char>(one) < static_cast<unsigned char>(other);
  }

  std::span<const std::string> addresses_;
  std::vector<std::uint32_t> order_;
};

// How much speaks for one of several members with the same address.
enum class Claim {
  none,
  unreadable,  ///< its id is none
  gone,        ///< it can be invited, and hears nothing of it
  likely,
  accepted
};

Claim claim_of(std::string_view status) {
  constexpr std::array<std::string_view, 4> gone = {"Left", "Deactivated", "Rejected", "DeclinedInvitation"};
  if (status == "Accepted") return Claim::accepted;
  return std::ranges::find(gone, status) != gone.end() ? Claim::gone : Claim::likely;
}

// Empty: it is of another type.
std::string_view text_of(ondemand::value value) {
  if (value.type().value() != ondemand::json_type::string) return {};
  return value.get_string();
}

// Takes one entry of an answer after the other.
class Reader {
 public:
  explicit Reader(std::span<const std::string> addresses)
      : book_(addresses), claims_(book_.size()), ids_(book_.size()), failed_(book_.size()) {}

  void take(ondemand::object entry) {
    std::optional<MemberId> id;
    std::string_view email;
    std::string_view status;
    for (ondemand::field field : entry) {
      const std::string_view key = key_of(field);
      if (key == "id") {
        id = member_id_of(field.value());
      } else if (key == "email") {
        email = text_of(field.value());
      } else if (key == "status") {
        status = text_of(field.value());
      }
    }
    const std::size_t index = asked_for(email);
    if (index == book_.size()) return;
    const Claim claim = id ? claim_of(status) : Claim::unreadable;
    if (claim <= claims_[index]) return;
    claims_[index] = claim;
    if (id) ids_[index] = *id;
  }

  // Of an entry that is an address and some words, or the address alone.
  void take_failed(ondemand::value entry, KeepProfile keep_profile) {
    std::string_view email;
    std::string_view words;
    if (entry.type().value() == ondemand::json_type::string) {
      email = entry.get_string();
    } else {
      for (ondemand::field field : entry.get_object()) {
        const std::string_view key = key_of(field);
        if (key == "email") {
          email = text_of(field.value());
        } else if (key != "id" && words.empty()) {
          words = text_of(field.value());
        }
      }
    }
    const std::size_t index = asked_for(email);
    if (index < book_.size() && !failed_[index]) failed_[index] = words_for_people(words, keep_profile);
  }

  void tell(MembersByAddress& members) const {
    members.foreign = foreign_;
    for (std::size_t i = 0; i < claims_.size(); ++i) {
      if (claims_[i] == Claim::none) continue;
      (is_found(i) ? members.found : members.unreadable).push_back(static_cast<std::uint32_t>(i));
      if (is_found(i)) members.ids.push_back(ids_[i]);
    }
  }

  // Whatever words are each one's own, alike or not, there are not many kinds of them.
  std::vector<MembersMade::Failed> failed() const {
    constexpr std::size_t most_kinds = 8;
    std::vector<MembersMade::Failed> kinds;
    for (std::size_t i = 0; i < failed_.size(); ++i) {
      if (!failed_[i] || is_found(i)) continue;
      const auto is_alike = [&](const MembersMade::Failed& kind) { return kind.words == *failed_[i]; };
      auto kind = std::ranges::find_if(kinds, is_alike);
      if (kind == kinds.end() && kinds.size() == most_kinds) {
        kind = kinds.end() - 1;
        kind->words.clear();
      } else if (kind == kinds.end()) {
        kind = kinds.insert(kind, {{}, *failed_[i]});
      }
      kind->members.push_back(static_cast<std::uint32_t>(i));
    }
    return kinds;
  }

 private:
  bool is_found(std::size_t index) const { return claims_[index] > Claim::unreadable; }

  std::size_t asked_for(std::string_view email) {
    if (email.empty()) return book_.size();
    const std::size_t index = book_.index_of(email);
    foreign_ += index == book_.size() ? 1 : 0;
    return index;
  }

  AskedAddresses book_;
  std::vector<Claim> claims_;
  std::vector<MemberId> ids_;
  std::vector<std::optional<std::string>> failed_;  // what is said of each that is named so
  std::int64_t foreign_ = 0;
};

}  // namespace

std::optional<MembersFound> read_members_found(std::string& body, std::span<const std::string> addresses) {
  return read_answer(body, [&](ondemand::document& document) {
    Reader reader(addresses);
    std::int64_t items = 0;
    std::int64_t total = 0;
    bool has_items = false;
    for (ondemand::field field : document.get_object()) {
      const std::string_view key = key_of(field);
      ondemand::value value = field.value();
      if (key == "items") {
        has_items = true;
        for (auto element : value.get_array()) {
          reader.take(element.get_object());
          ++items;
        }
      } else if (key == "total" && !value.is_null() && value.get_int64().get(total) != simdjson::SUCCESS) {
        total = std::numeric_limits<std::int64_t>::max();  // how many there are it does not say: there may be more
      }
    }
    if (!has_items) throw simdjson::simdjson_error(simdjson::NO_SUCH_FIELD);
    MembersFound found;
    reader.tell(found);
    found.is_partial = total > items;
    return found;
  });
}

std::optional<MembersMade> read_members_made(std::string& body, std::span<const std::string> addresses,
                                             KeepProfile keep_profile) {
  return read_answer(body, [&](ondemand::document& document) {
    Reader reader(addresses);
    bool has_a_list = false;
    for (ondemand::field field : document.get_object()) {
      const std::string_view key = key_of(field);
      if (key == "created") {
        for (auto element : field.value().get_array()) reader.take(element.get_object());
        has_a_list = true;
      } else if (key == "failed") {
        for (auto element : field.value().get_array()) reader.take_failed(element.value(), keep_profile);
        has_a_list = true;
      }
    }
    if (!has_a_list) throw simdjson::simdjson_error(simdjson::NO_SUCH_FIELD);
    MembersMade made;
    reader.tell(made);
    made.failed = reader.failed();
    return made;
  });
}

}  // namespace convoke
