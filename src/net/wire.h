// A TCP connection, in the clear or with TLS over it: one stream to whoever reads and writes.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <optional>
#include <utility>

namespace convoke {

struct Wire {
  using Socket = boost::asio::ip::tcp::socket;
  using executor_type = Socket::executor_type;

  /// In the clear if there is no `context`.
  Wire(Socket tcp, boost::asio::ssl::context* context) : socket(std::move(tcp)) {
    if (context != nullptr) tls.emplace(socket, *context);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // What Asio and Beast ask of a stream; for their composed operations, not to be awaited.
  executor_type get_executor() { return socket.get_executor(); }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls) return tls->async_read_some(buffers, std::forward<Handler>(handler));
    socket.async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls) return tls->async_write_some(buffers, std::forward<Handler>(handler));
    socket.async_write_some(buffers, std::forward<Handler>(handler));
  }

  /// Ends it without a good-bye: the other side sees a reset, and what the kernel still holds is thrown away.
  void reset() {
    boost::system::error_code ignored;
    socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
  }

  Socket socket;
  std::optional<boost::asio::ssl::stream<Socket&>> tls;
};

}  // namespace convoke
