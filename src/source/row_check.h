// Whether a row names a member, by id or by address, and a target, and if not, why. What is surely one in another
// dress, as spreadsheets and other programs write them, is taken.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/member_id.h"
#include "base/reason.h"
#include "base/target.h"
#include "source/member_source.h"

namespace convoke {

struct CheckedId {
  MemberId id;
  bool mended = false;  ///< it was not written as an id is: in braces, without dashes, among invisible characters
};

struct CheckedAddress {
  std::string address;  ///< as it is compared (base/address.h)
  bool mended = false;  ///< it was not written as an address is: in <…>, with mailto:, among invisible characters
};

/// The id, or the reason why there is none: no_id, email_address or not_an_id. Blanks around it are nothing to mend.
/// Never throws.
std::variant<CheckedId, Reason> check_member(std::string_view text) noexcept;

/// The address, or the reason why there is none: no_id or not_an_address. Blanks around it and capital letters are
/// nothing to mend.
std::variant<CheckedAddress, Reason> check_address(std::string_view text);

/// The reason (no_course) why `text` is no target's id, or nothing if it is one.
std::optional<Reason> check_target(std::string_view text) noexcept;

/// A row and what it comes to: a member of a target, or why not.
struct CheckedRow {
  std::uint64_t line = 0;   ///< as SourceRow has it
  std::string_view target;  ///< as the API knows it
  std::string_view value;   ///< what stood in the column that decided: the id's if it says anything, else the address's
  std::variant<CheckedId, CheckedAddress, Reason> member;  ///< or why the row cannot be sent
};

/// A job's list: the rows of its source, checked.
class MemberList {
 public:
  /// The source must outlive this.
  MemberList(MemberSource& source, ListTarget target, std::stop_token stop = {})
      : source_(source), target_(std::move(target)), stop_(std::move(stop)) {}

  /// The next row; nothing at the end, or when a stop was asked (was_stopped() tells; then, and after a throw, not to
  /// be called again). The views hold until the next call. Throws the Errors of MemberSource::next().
  std::optional<CheckedRow> next();

  TargetKind target_kind() const { return target_.kind; }
  /// Whether the rows ended because a stop was asked, and not because there are no more.
  bool was_stopped() const { return was_stopped_; }

 private:
  MemberSource& source_;
  ListTarget target_;
  std::stop_token stop_;
  bool was_stopped_ = false;
};

}  // namespace convoke
