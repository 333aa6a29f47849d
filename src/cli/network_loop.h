// The loop on which a run's calls go out, and leaving it without waiting for the system's resolver.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

namespace convoke {

class NetworkLoop {
 public:
  NetworkLoop();
  /// An io_context ends its resolver's thread, and that thread waits for silent name servers, for up to 16 s. After a
  /// moment it is left behind, for the process's end to end it.
  ~NetworkLoop();
  NetworkLoop(const NetworkLoop&) = delete;
  NetworkLoop& operator=(const NetworkLoop&) = delete;

  boost::asio::io_context& context() { return *context_; }

 private:
  std::unique_ptr<boost::asio::io_context> context_;
};

/// Whether a loop was left behind: then the process ends by _exit(), and no destructor of a static object runs beside
/// it.
bool is_anything_left_behind();

}  // namespace convoke
