#include "api/additions.h"

#include <simdjson.h>

#include <algorithm>

#include "api/answer_json.h"

namespace convoke {
namespace {

namespace ondemand = simdjson::ondemand;

class Reader {
 public:
  explicit Reader(const std::vector<MemberId>& ids) : ids_(ids), is_named_(ids.size()) {}

  void take(ondemand::array named, std::vector<std::uint32_t>& members) {
    std::size_t expected = 0;
    for (auto element : named) {
      const auto id = member_id_of(element.value());
      if (!id) {
        ++additions_.unreadable;
        continue;
      }
      const std::size_t index = index_of(*id, expected, ids_);
      expected = index + 1;
      if (index == ids_.size()) {
        ++additions_.foreign;
      } else if (is_named_[index]) {
        ++additions_.doubled;
      } else {
        is_named_[index] = true;
        members.push_back(static_cast<std::uint32_t>(index));
      }
    }
    std::sort(members.begin(), members.end());
  }

  Additions& additions() { return additions_; }

 private:
  const std::vector<MemberId>& ids_;
  std::vector<bool> is_named_;
  Additions additions_;
};

}  // namespace

std::optional<Additions> read_additions(std::string& body, const std::vector<MemberId>& ids) {
  return read_answer(body, [&](ondemand::document& document) {
    Reader reader(ids);
    Additions& additions = reader.additions();
    bool has_a_list = false;
    for (ondemand::field field : document.get_object()) {
      const std::string_view key = key_of(field);
      const bool is_added = key == "addedSpotMemberIds";
      if (!is_added && key != "failedSpotMemberIds") continue;
      reader.take(field.value().get_array(), is_added ? additions.added : additions.failed);
      has_a_list = true;
    }
    if (!has_a_list) throw simdjson::simdjson_error(simdjson::NO_SUCH_FIELD);
    return std::move(additions);
  });
}

}  // namespace convoke
