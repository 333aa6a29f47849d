// A job's source as a command reads it: opened late, and with words on how it goes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

#include "cli/progress.h"
#include "cli/reading_watch.h"
#include "source/member_source.h"

namespace convoke {

/// Opens the source when its first row is asked for, says how far it is if that takes long, and warns of what an
/// operator should know of it once it is read. next() throws what opening does, too.
class JobSource final : public MemberSource {
 public:
  /// The settings must outlive this.
  JobSource(const SourceSettings& settings, std::stop_token stop, ShowProgress progress)
      : settings_(settings), stop_(std::move(stop)), progress_(progress) {}

  std::optional<SourceRow> next() override;

 private:
  const SourceSettings& settings_;
  std::stop_token stop_;
  ShowProgress progress_;
  std::unique_ptr<MemberSource> source_;  // empty: not open yet
  std::optional<ReadingWatch> watch_;     // while it is read
  std::int64_t rows_ = 0;
};

}  // namespace convoke
