#include "source/row_check.h"

#include <algorithm>
#include <array>

#include "source/columns.h"

namespace convoke {
namespace {

/// What copying from web pages and spreadsheets leaves around a value, and nobody sees: the no-break space, the
/// zero-width space, non-joiner and joiner, the word joiner, the byte order mark.
constexpr std::array<std::string_view, 6> invisible = {"\u00A0", "\u200B", "\u200C", "\u200D", "\u2060", "\uFEFF"};

std::string_view trim_invisible(std::string_view text) {
  for (std::size_t before = 0; before != text.size();) {
    text = trim_blanks(text);
    before = text.size();
    for (const std::string_view one : invisible) {
      if (text.starts_with(one)) text.remove_prefix(one.size());
      if (text.ends_with(one)) text.remove_suffix(one.size());
    }
  }
  return text;
}

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

std::optional<Reason> check_course(std::string_view text) noexcept {
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
  checked->course = target_.id ? std::string_view(*target_.id) : row->course;
  checked->value = row->member;
  checked->member = check_member(row->member);
  if (std::holds_alternative<CheckedId>(checked->member)) {
    if (const auto wrong = check_course(checked->course)) checked->member = *wrong;
  }
  return checked;
}

}  // namespace convoke
