// A job's source as a command reads it: opened late, and with words on how it goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "cli/progress.h"
#include "source/member_source.h"

namespace convoke {

/// Opens the source when its first row is asked for; next() throws what that does, too. Once it is read, it warns of
/// what an operator should know of it.
class JobSource final : public MemberSource {
 public:
  /// While it is read: nothing for the first two seconds; then on a terminal's line again and again, else in the log
  /// now and then, how far it is. The settings must outlive this.
  JobSource(const SourceSettings& settings, std::stop_token stop, ShowProgress progress)
      : settings_(settings), stop_(std::move(stop)), progress_(progress) {}

  std::optional<SourceRow> next() override;

 private:
  void open();
  void watch(const std::stop_token& end) const;

  const SourceSettings& settings_;
  std::stop_token stop_;
  ShowProgress progress_;
  std::unique_ptr<MemberSource> source_;  // empty: not open yet
  std::atomic<std::int64_t> rows_ = 0;
  std::atomic<int> percent_ = -1;  // unknown
  std::jthread watch_;             // of its own, since a list may let itself be waited for
};

}  // namespace convoke
