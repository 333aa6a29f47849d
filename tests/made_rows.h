// A source of rows that a test makes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/row_check.h"

namespace convoke {

struct MadeRow {
  std::uint64_t line = 0;
  std::string member;
  std::string target = "c1";
  std::string email = {};
};

class MadeRows final : public MemberSource {
 public:
  /// Row number 0, 1, …; nothing: that was the last.
  using Make = std::function<std::optional<MadeRow>(std::uint64_t number)>;

  explicit MadeRows(Make make) : make_(std::move(make)) {}
  explicit MadeRows(std::vector<MadeRow> rows)
      : make_([rows = std::move(rows)](std::uint64_t number) {
          return number < rows.size() ? std::optional(rows[number]) : std::nullopt;
        }) {}

  std::optional<SourceRow> next() override {
    row_ = make_(number_++);
    if (!row_) return std::nullopt;
    return SourceRow{row_->line, row_->member, row_->target, row_->email};
  }

 private:
  Make make_;
  std::uint64_t number_ = 0;
  std::optional<MadeRow> row_;
};

}  // namespace convoke
