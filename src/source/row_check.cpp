#include "source/row_check.h"

#include <array>

#include "base/address.h"
#include "base/blanks.h"

namespace convoke {
namespace {

std::optional<MemberId> parse_without_dashes(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  std::array<char, MemberId::text_size> dashed{};
  char* out = dashed.data();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) *out++ = '-';
    *out++ = text[i];
  }
  return MemberId::parse({dashed.data(), dashed.size()});
}

}  // namespace

std::variant<CheckedId, Reason> check_member(std::string_view text) noexcept {
  text = trim_blanks(text);
  if (const auto id = MemberId::parse(text)) return CheckedId{*id, false};
  text = trim_invisible(text);
  if (text.empty()) return Reason::no_id;
  std::string_view bare = text;
  if (bare.starts_with('{') && bare.ends_with('}')) bare = trim_invisible(bare.substr(1, bare.size() - 2));
  auto id = MemberId::parse(bare);
  if (!id) id = parse_without_dashes(bare);
  if (id) return CheckedId{*id, true};
  return text.find('@') != std::string_view::npos ? Reason::email_address : Reason::not_an_id;
}

std::variant<CheckedAddress, Reason> check_address(std::string_view text) {
  text = trim_blanks(text);
  // Folding changes no size: what is shorter was mended.
  if (auto address = folded_address(text)) {
    const bool mended = address->size() != text.size();
    return CheckedAddress{std::move(*address), mended};
  }
  return trim_invisible(text).empty() ? Reason::no_id : Reason::not_an_address;
}

std::optional<Reason> check_target(std::string_view text) noexcept {
  if (!text.empty() && text.front() > ' ' && text.front() < 0x7F) return std::nullopt;  // nearly always, and quick
  if (trim_invisible(text).empty()) return Reason::no_course;
  return std::nullopt;
}

std::optional<CheckedRow> MemberList::next() {
  std::optional<SourceRow> row;
  try {
    was_stopped_ = stop_.stop_requested();
    if (!was_stopped_) row = source_.next();
  } catch (const ReadingStopped&) {
    was_stopped_ = true;
  }
  std::optional<CheckedRow> checked;
  if (!row) return checked;
  checked.emplace();
  checked->line = row->line;
  checked->target = target_.id ? std::string_view(*target_.id) : row->target;
  checked->value = row->member;
  const auto take = [&](auto found) {
    std::visit([&](auto& one) { checked->member = std::move(one); }, found);
    return std::get_if<Reason>(&checked->member);
  };
  const Reason* wrong = take(check_member(row->member));
  if (wrong != nullptr && *wrong == Reason::no_id && !row->email.empty()) {
    checked->value = row->email;
    wrong = take(check_address(row->email));
  }
  if (wrong != nullptr) return checked;
  if (const auto no_target = check_target(checked->target)) checked->member = *no_target;
  return checked;
}

}  // namespace convoke
