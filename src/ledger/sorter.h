// Sorts more records than memory should hold: sorted runs go to an unnamed temporary file and are merged back. Memory
// stays the same whatever the count: the buffer while adding, and a small window of each run while merging.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <queue>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace convoke {

/// A temporary file without a name in `folder`: gone with the process, however that ends. Throws Error(disk).
class SpillFile {
 public:
  explicit SpillFile(const std::filesystem::path& folder);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  void append(const void* data, std::size_t size);
  void read(void* data, std::size_t size, std::size_t offset) const;

 private:
  std::filesystem::path folder_;
  int file_ = -1;
};

/// `Record` is trivially copyable and has a total order by `<`; it may bring a `sort` of its own that knows more of it.
template <class Record>
class Sorter {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  /// Sorts up to `most_in_memory` records without a file.
  Sorter(std::filesystem::path folder, std::size_t most_in_memory)
      : folder_(std::move(folder)), most_in_memory_(most_in_memory) {}

  void add(const Record& record) {
    if (buffer_.size() == most_in_memory_) spill();
    // All at once: memory is only taken as it is filled, and growing by doubling would need half as much again.
    if (buffer_.size() == window_size) buffer_.reserve(most_in_memory_);
    buffer_.push_back(record);
  }

  /// Calls `each` with every record in ascending order; the sorter is empty afterwards.
  template <class Each>
  void drain(Each&& each) {
    if (runs_.empty()) {
      sort();
      for (const Record& record : buffer_) each(record);
      buffer_ = {};
      return;
    }
    spill();
    buffer_ = {};
    merge(each);
    runs_.clear();
    file_.reset();
    spilled_ = 0;
  }

 private:
  struct Run {
    std::size_t next = 0;  // in records of the file
    std::size_t end = 0;
    std::vector<Record> window;
    std::size_t at = 0;  // in the window
  };
  static constexpr std::size_t window_size = 4096;

  void sort() {
    if constexpr (requires { Record::sort(buffer_); }) {
      Record::sort(buffer_);
    } else {
      std::sort(buffer_.begin(), buffer_.end());
    }
  }

  void spill() {
    if (buffer_.empty()) return;
    if (!file_) file_ = std::make_unique<SpillFile>(folder_);
    sort();
    file_->append(buffer_.data(), buffer_.size() * sizeof(Record));
    Run run;
    run.next = spilled_;
    spilled_ += buffer_.size();
    run.end = spilled_;
    runs_.push_back(std::move(run));
    buffer_.clear();
  }

  bool refill(Run& run) {
    const std::size_t count = std::min(window_size, run.end - run.next);
    run.window.resize(count);
    run.at = 0;
    if (count == 0) return false;
    file_->read(run.window.data(), count * sizeof(Record), run.next * sizeof(Record));
    run.next += count;
    return true;
  }

  template <class Each>
  void merge(Each&& each) {
    const auto later = [](const Run* one, const Run* other) { return other->window[other->at] < one->window[one->at]; };
    std::priority_queue<Run*, std::vector<Run*>, decltype(later)> heads(later);
    for (Run& run : runs_) {
      if (refill(run)) heads.push(&run);
    }
    while (!heads.empty()) {
      Run* run = heads.top();
      heads.pop();
      // As long as this run is ahead of the next one, its records follow each other without a turn of the queue.
      do {
        each(run->window[run->at]);
        ++run->at;
      } while (run->at < run->window.size() &&
               (heads.empty() || run->window[run->at] < heads.top()->window[heads.top()->at]));
      if (run->at < run->window.size() || refill(*run)) heads.push(run);
    }
  }

  std::filesystem::path folder_;
  std::size_t most_in_memory_;
  std::vector<Record> buffer_;
  std::vector<Run> runs_;
  std::size_t spilled_ = 0;
  std::unique_ptr<SpillFile> file_;
};

}  // namespace convoke
