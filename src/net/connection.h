// One connection to the API, used by one call at a time, and the one deadline of that call. Loop thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "net/settings.h"
#include "net/tls_client.h"
#include "net/trouble.h"
#include "net/wire.h"

namespace convoke {

/// Of a connection between two calls: anything to read is not for us. What comes over TLS may be a farewell, too.
enum class Idle { silent, speaks, over };

struct Connection : std::enable_shared_from_this<Connection> {
  Connection(const boost::asio::any_io_executor& loop, boost::asio::ssl::context* tls);

  /// Ends whatever is under way on it at `end`; progress.timed_out says so.
  void start_deadline(std::chrono::steady_clock::time_point end);

  /// Resolves and connects, by the proxy if there is one; with `tls`, shakes hands. Throws what goes wrong;
  /// progress.phase says where it was.
  boost::asio::awaitable<void> open(const ApiSettings& settings, const Url& api, TlsClient* tls);

  Idle look();

  // Beast reads 512 bytes at a time into a buffer that starts out empty, and without a bound it grows with what is
  // around a body: trailers, and what may stand behind the size of a chunk (RFC 9112, 7.1).
  static constexpr std::size_t read_size = 64U << 10U;

  Wire wire;
  boost::asio::ip::tcp::resolver::results_type endpoints;
  boost::asio::steady_timer deadline;
  boost::beast::flat_buffer buffer{read_size};
  std::chrono::steady_clock::time_point idle_since;
  CallProgress progress;  ///< of the call that uses it

 private:
  boost::asio::awaitable<void> resolve(const std::string& host, const std::string& port);
};

/// Whether the server that broke off `failed` speaks TLS there; empty: it cannot be reached now. A TLS handshake and
/// nothing else, with the addresses and within the deadline of the call that failed. Whether the certificate holds does
/// not matter here: nothing is sent.
boost::asio::awaitable<std::optional<bool>> ask_for_tls(Connection& failed, const Url& api);

}  // namespace convoke
