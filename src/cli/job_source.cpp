#include "cli/job_source.h"

#include <spdlog/spdlog.h>

#include "base/text.h"

namespace convoke {

std::optional<SourceRow> JobSource::next() {
  constexpr std::int64_t rows_a_look = 256;
  try {
    if (!source_) {
      spdlog::info("reading {}", excerpt(describe_source(settings_)));
      watch_.emplace(describe_source(settings_), progress_);
      source_ = open_source(settings_, stop_);
    }
    if (const auto row = source_->next()) {
      ++rows_;
      watch_->at(rows_, rows_ % rows_a_look == 0 ? source_->share_read() : std::nullopt);
      return row;
    }
  } catch (...) {
    watch_.reset();
    throw;
  }
  watch_.reset();
  for (const std::string& remark : source_->remarks()) spdlog::warn("{}", remark);
  return std::nullopt;
}

}  // namespace convoke
