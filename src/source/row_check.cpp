#include "source/row_check.h"

#include <algorithm>

namespace convoke {
namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

}  // namespace

std::variant<MemberId, std::string_view> check_member(std::string_view text) noexcept {
  using namespace std::literals;
  if (const auto id = MemberId::parse(text)) return *id;
  // The near misses of real lists are named: whoever repairs the list then knows what to look for.
  if (text.empty()) return "empty"sv;
  if (text.find('@') != std::string_view::npos) return "an e-mail address, not a UUID"sv;
  if (text.size() == 32 && is_hex(text)) return "a UUID without its dashes"sv;
  if (text.size() == 38 && text.front() == '{' && MemberId::parse(text.substr(1, 36))) return "a UUID in braces"sv;
  return "not a UUID"sv;
}

std::optional<std::string_view> check_course(std::string_view text) noexcept {
  if (text.empty()) return "no course";
  return std::nullopt;
}

}  // namespace convoke
