#include "cli/reading_watch.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "base/numbers.h"
#include "base/text.h"

namespace convoke {

using namespace std::chrono_literals;

ReadingWatch::ReadingWatch(std::string source, ShowProgress how) : source_(std::move(source)), how_(how) {
  if (how_ != ShowProgress::never) thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

ReadingWatch::~ReadingWatch() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  end_.notify_all();
  thread_.join();
}

void ReadingWatch::at(std::int64_t rows, std::optional<double> share) {
  rows_.store(rows, std::memory_order_relaxed);
  if (share) percent_ = static_cast<int>(*share * 100);
}

void ReadingWatch::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const bool is_line = how_ == ShowProgress::line;
  bool is_shown = false;
  auto next = 2'000ms;
  while (!end_.wait_for(lock, stop, next, [&] { return stop.stop_requested(); }) && !stop.stop_requested()) {
    std::string text = fmt::format("reading {}: {} so far", excerpt(source_), counted(rows_, "row"));
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
