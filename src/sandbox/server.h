// The sandbox on a socket: HTTP/1.1 with keep-alive, one thread, one coroutine per connection.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "net/wire.h"
#include "sandbox/sandbox.h"

namespace convoke {

struct ServerSettings {
  std::string listen = "127.0.0.1:8080";   ///< HOST:PORT, `[::1]:0`; port 0: any that is free
  std::string tls_certificate{};           ///< PEM, with its chain; with tls_key: https
  std::string tls_key{};                   ///< PEM
  std::uint64_t longest_body = 8'388'608;  ///< a longer one is refused (413), and the connection closed
};

class SandboxServer {
 public:
  /// Listens when this returns; `sandbox` and `clock` must outlive the server. Throws Error(Exit::usage) if it cannot:
  /// an address that is none or in use, a certificate that cannot be read.
  SandboxServer(const ServerSettings& settings, Sandbox& sandbox, const Clock& clock);

  std::uint16_t port() const;
  std::string url() const;  ///< `http://127.0.0.1:8080`

  /// Serves on the calling thread until `stop`; the sandbox belongs to that thread until then.
  void run();
  /// From any thread, at any time: `run` returns, and what is under way is dropped.
  void stop();

  boost::asio::io_context& context() { return context_; }

 private:
  using tcp = boost::asio::ip::tcp;

  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> welcome(tcp::socket socket);
  boost::asio::awaitable<void> converse(Wire& wire);
  boost::asio::awaitable<bool> deliver(Wire& wire, const SandboxReply& reply, bool keep_alive);
  boost::asio::awaitable<void> read_away(Wire& wire);
  boost::asio::awaitable<bool> deliver_lines(Wire& wire, RecordLines which);

  Sandbox& sandbox_;
  const Clock& clock_;
  const std::uint64_t longest_body_;
  std::optional<boost::asio::ssl::context> tls_;
  boost::asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
};

/// Runs a sandbox until SIGINT or SIGTERM; says `sandbox listening on URL` on standard output when it is ready.
void serve_sandbox(const ServerSettings& server, const SandboxSettings& sandbox);

}  // namespace convoke
