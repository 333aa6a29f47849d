#include "cli/job_source.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>

#include "base/numbers.h"
#include "base/text.h"

namespace convoke {

using namespace std::chrono_literals;

std::optional<SourceRow> JobSource::next() {
  constexpr std::int64_t rows_a_look = 256;
  try {
    if (!source_) open();
    if (const auto row = source_->next()) {
      const std::int64_t rows = rows_.load(std::memory_order_relaxed) + 1;
      rows_.store(rows, std::memory_order_relaxed);
      if (rows % rows_a_look == 0) {
        if (const auto share = source_->share_read()) percent_ = static_cast<int>(*share * 100);
      }
      return row;
    }
  } catch (...) {
    watch_ = {};
    throw;
  }
  watch_ = {};
  for (const std::string& remark : source_->remarks()) spdlog::warn("{}", remark);
  return std::nullopt;
}

void JobSource::open() {
  spdlog::info("reading {}", excerpt(describe_source(settings_)));
  if (progress_ != ShowProgress::never) watch_ = std::jthread([this](const std::stop_token& end) { watch(end); });
  source_ = open_source(settings_, stop_);
}

void JobSource::watch(const std::stop_token& end) const {
  std::mutex mutex;  // of the condition only
  std::unique_lock lock(mutex);
  std::condition_variable_any wait;
  const bool is_line = progress_ == ShowProgress::line;
  bool is_shown = false;
  auto next = 2'000ms;
  while (!wait.wait_for(lock, end, next, [&] { return end.stop_requested() || stop_.stop_requested(); })) {
    std::string text = fmt::format("reading {}: {} so far", excerpt(describe_source(settings_)), counted(rows_, "row"));
    if (percent_ >= 0) text += fmt::format(", {} %", percent_.load());
    if (is_line) {
      std::fputs(("\r\x1b[2K" + text).c_str(), stderr);
      std::fflush(stderr);
    } else {
      spdlog::warn("{}", text);
    }
    is_shown = true;
    next = is_line ? 200ms : 30'000ms;
  }
  if (is_line && is_shown) std::fputs("\r\x1b[2K", stderr);
}

}  // namespace convoke
