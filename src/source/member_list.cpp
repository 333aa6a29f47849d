#include "source/member_list.h"

namespace convoke {

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
  checked->course = course_ ? std::string_view(*course_) : row->course;
  checked->value = row->member;
  checked->member = check_member(row->member);
  if (std::holds_alternative<CheckedId>(checked->member)) {
    if (const auto wrong = check_course(checked->course)) checked->member = *wrong;
  }
  return checked;
}

}  // namespace convoke
