// Sorts more records than memory should hold: sorted runs go to an unnamed temporary file and are merged back. Memory
// stays the same whatever the count: the buffer while adding, and a small window of each run while merging.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/spill_file.h"

namespace convoke {

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

  /// Sorts what was added: next() gives it from the first record on. Again: from the first one again. Nothing is to be
  /// added any more.
  void begin_reading() {
    at_ = 0;
    if (runs_.empty()) return sort();
    spill();
    buffer_ = {};
    heads_.clear();
    ahead_ = nullptr;
    for (Run& run : runs_) {
      run.next = run.begin;
      if (refill(run)) push(&run);
    }
  }

  /// The next record in ascending order, valid until the next call; null: that was the last.
  const Record* next() {
    if (!runs_.empty()) return next_of_runs();
    return at_ < buffer_.size() ? &buffer_[at_++] : nullptr;
  }

 private:
  struct Run {
    std::size_t begin = 0;  // in records of the file
    std::size_t end = 0;
    std::size_t next = 0;  // after the window
    std::vector<Record> window;
    std::size_t at = 0;  // in the window

    const Record& head() const { return window[at]; }
    static bool later(const Run* one, const Run* other) { return other->head() < one->head(); }
  };
  static constexpr std::size_t window_size = 4096;

  void sort() {
    if (std::is_sorted(buffer_.begin(), buffer_.end())) return;
    if constexpr (requires { Record::sort(buffer_); }) {
      Record::sort(buffer_);
    } else {
      std::sort(buffer_.begin(), buffer_.end());
    }
  }

  void spill() {
    if (buffer_.empty()) return;
    if (!file_) {
      file_ = std::make_unique<SpillFile>(
          folder_, "the ledger's folder must have room for about 32 bytes a member while a list is read");
    }
    sort();
    file_->append(buffer_.data(), buffer_.size() * sizeof(Record));
    Run run;
    run.begin = spilled_;
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

  void push(Run* run) {
    heads_.push_back(run);
    std::push_heap(heads_.begin(), heads_.end(), Run::later);
  }

  const Record* next_of_runs() {
    if (ahead_ != nullptr && ++ahead_->at == ahead_->window.size() && !refill(*ahead_)) ahead_ = nullptr;
    // As long as a run is ahead of the next one, its records follow each other without a turn of the heap.
    if (ahead_ != nullptr && !heads_.empty() && heads_.front()->head() < ahead_->head())
      push(std::exchange(ahead_, nullptr));
    if (ahead_ == nullptr) {
      if (heads_.empty()) return nullptr;
      std::pop_heap(heads_.begin(), heads_.end(), Run::later);
      ahead_ = heads_.back();
      heads_.pop_back();
    }
    return &ahead_->head();
  }

  std::filesystem::path folder_;
  std::size_t most_in_memory_;
  std::vector<Record> buffer_;
  std::size_t at_ = 0;  // in the buffer, where there are no runs
  std::vector<Run> runs_;
  std::vector<Run*> heads_;  // a heap, by their first records that were not given yet
  Run* ahead_ = nullptr;     // the run that gave the last record, in place of being there
  std::size_t spilled_ = 0;
  std::unique_ptr<SpillFile> file_;
};

}  // namespace convoke
