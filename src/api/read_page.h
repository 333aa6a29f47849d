// A page of a list of the API's, `{"items":[…],"total":n}`, whatever its items are.
#pragma once

#include <optional>
#include <string>

#include "api/answer_json.h"
#include "ledger/paging.h"

namespace convoke {

/// No list is longer: what says so is no number of entries.
inline constexpr std::int64_t largest_total = 1'000'000'000'000;

/// Different for different texts, as a rule (FNV-1a).
inline std::uint64_t mark_of_text(std::string_view text) {
  std::uint64_t mark = 0xCBF29CE484222325U;
  for (const char c : text) mark = (mark ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return mark;
}

/// `take` puts each item that is an object on the page. Empty: it is not a JSON object with a list of `items`, to its
/// very end, or none of them is an object. A `total` that is no number of entries counts as none.
template <class Take>
std::optional<Page> read_page(std::string& body, Take take) {
  bool has_items = false;
  auto page = read_answer(body, [&](simdjson::ondemand::document& document) {
    Page read;
    std::int64_t objects = 0;
    for (simdjson::ondemand::field field : document.get_object()) {
      const std::string_view key = key_of(field);
      if (key == "items") {
        for (auto item : field.value().get_array()) {
          ++read.entries;
          simdjson::ondemand::value value = item.value();
          if (value.type().value() == simdjson::ondemand::json_type::object) {
            take(read, value.get_object().value());
            ++objects;
          } else {
            ++read.unreadable;
          }
        }
        has_items = read.entries == 0 || objects > 0;
      } else if (key == "total") {
        std::int64_t total = 0;
        if (field.value().get_int64().get(total) == simdjson::SUCCESS && total >= 0 && total <= largest_total)
          read.total = total;
      }
    }
    return read;
  });
  return has_items ? page : std::nullopt;
}

}  // namespace convoke
