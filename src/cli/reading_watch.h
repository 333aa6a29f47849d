// Says how far a list is read, when that takes long; from a thread of its own, since a list may let itself be waited
// for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "cli/progress.h"

namespace convoke {

class ReadingWatch {
 public:
  /// Nothing for the first two seconds; then on a terminal's line again and again, else in the log now and then.
  ReadingWatch(std::string source, ShowProgress how);
  ~ReadingWatch();
  ReadingWatch(const ReadingWatch&) = delete;
  ReadingWatch& operator=(const ReadingWatch&) = delete;

  /// So many rows were read; `share`: of the whole source, 0 to 1, where that is known.
  void at(std::int64_t rows, std::optional<double> share);

 private:
  void watch(const std::stop_token& stop);

  std::string source_;
  ShowProgress how_;
  std::atomic<std::int64_t> rows_ = 0;
  std::atomic<int> percent_ = -1;
  std::mutex mutex_;  // of the condition only
  std::condition_variable_any end_;
  std::jthread thread_;
};

}  // namespace convoke
