// A page of a list of the API's, `{"items":[…],"total":n}`, whatever its items are.
#pragma once

#include <optional>
#include <string>

#include "api/answer_json.h"
#include "ledger/paging.h"

namespace convoke {

/// `take` puts each item, an object, on the page. Empty: it is not a JSON object with a list of `items`, to its very
/// end. A `total` that is no number of entries counts as none.
template <class Take>
std::optional<Page> read_page(std::string& body, Take take) {
  bool has_items = false;
  auto page = read_answer(body, [&](simdjson::ondemand::document& document) {
    Page read;
    for (simdjson::ondemand::field field : document.get_object()) {
      const std::string_view key = key_of(field);
      if (key == "items") {
        for (auto item : field.value().get_array()) {
          ++read.entries;
          take(read, item.get_object().value());
        }
        has_items = true;
      } else if (key == "total") {
        std::int64_t total = 0;
        if (field.value().get_int64().get(total) == simdjson::SUCCESS && total >= 0) read.total = total;
      }
    }
    return read;
  });
  return has_items ? page : std::nullopt;
}

}  // namespace convoke
