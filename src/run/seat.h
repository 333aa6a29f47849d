// Who is in flight: calls that are claimed, and neither recorded nor put back.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace convoke {

struct InFlight {
  int calls = 0;
  std::int64_t members = 0;
  int sending = 0;  ///< of the calls, those that are out
};

/// A call's seat among them, given back when it goes, whatever happens on the way. The counts live as long as the last
/// seat: a loop may let go of what it holds after the run is gone.
class Seat {
 public:
  Seat(std::shared_ptr<InFlight> in_flight, std::int64_t members)
      : in_flight_(std::move(in_flight)), members_(members) {
    ++in_flight_->calls;
    in_flight_->members += members_;
  }
  Seat(Seat&&) = default;
  Seat& operator=(Seat&& other) noexcept {
    std::swap(in_flight_, other.in_flight_);
    std::swap(members_, other.members_);
    std::swap(is_sending_, other.is_sending_);
    return *this;
  }
  ~Seat() {
    if (!in_flight_) return;
    came_back();
    --in_flight_->calls;
    in_flight_->members -= members_;
  }

  /// The call goes out; and its answer is there, or will never be.
  void goes_out() {
    is_sending_ = true;
    ++in_flight_->sending;
  }
  void came_back() {
    if (std::exchange(is_sending_, false)) --in_flight_->sending;
  }

 private:
  std::shared_ptr<InFlight> in_flight_;
  std::int64_t members_;
  bool is_sending_ = false;
};

}  // namespace convoke
