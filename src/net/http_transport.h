// The wire: HTTP/1.1 over a pool of keep-alive connections, plain or TLS.
//
// Sends at most once: a request that may have left is never sent again from here, no redirect is followed, and an idle
// connection is looked at before it is used. One deadline covers a call from name resolution to the last byte. Loop
// thread only.
//
// What keeps a call from its answer is told apart by Answer::reason, with words of its own. One question is worth a
// connection: a server that breaks off every plain request without a word may speak TLS there, and is asked once, with
// a TLS handshake and not a byte of HTTP.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "api/transport.h"
#include "net/blot.h"
#include "net/settings.h"
#include "net/url.h"

namespace convoke {

class HttpTransport final : public Transport {
 public:
  /// Throws Error(bad_config) if the base URL or the CA file cannot be used. No connection is made before the first
  /// call.
  HttpTransport(boost::asio::any_io_executor loop, const Clock& clock, ApiSettings settings);
  ~HttpTransport() override;

  boost::asio::awaitable<Answer> send(Request request) override;

 private:
  struct Connection;
  struct Memory;
  struct Share;
  struct FreeSession {
    void operator()(SSL_SESSION* session) const;
  };
  enum class TlsProbe { not_made, under_way, tls, no_tls };

  void set_up_tls();
  boost::asio::awaitable<void> call(const Request& request, Answer& answer);
  bool refuses_us(const boost::system::error_code& error) const;
  std::shared_ptr<Connection> idle_connection();
  void start_deadline(const std::shared_ptr<Connection>& connection, std::chrono::steady_clock::time_point end);
  boost::asio::awaitable<void> open(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<void> tunnel(Connection& connection);
  boost::asio::awaitable<void> resolve(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<void> wait_for_room(Connection& connection, Share& share, std::size_t bytes);
  template <class Stream>
  boost::asio::awaitable<void> exchange(Connection& connection, Stream& stream, const Request& request, Answer& answer);
  boost::asio::awaitable<void> explain(std::shared_ptr<Connection> connection, boost::system::error_code error,
                                       Answer& answer);
  void explain_proxy(const Connection& connection, boost::system::error_code error, const std::string& what,
                     Answer& answer) const;
  boost::asio::awaitable<bool> speaks_tls(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<TlsProbe> probe(const Connection& failed);

  boost::asio::any_io_executor loop_;
  const Clock& clock_;
  ApiSettings settings_;
  Url target_;
  std::string url_;  // for people
  Blot blot_;
  std::shared_ptr<Memory> memory_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  std::unique_ptr<SSL_SESSION, FreeSession> session_;  // the latest, to be resumed
  std::vector<std::shared_ptr<Connection>> idle_;      // the latest used last: as few stay warm as are needed
  std::size_t largest_body_ = 0;
  bool spoke_http_ = false;            // the server, ever
  bool asks_for_certificate_ = false;  // the server, ever: for one of ours
  bool speaks_unasked_ = false;        // the server, ever: what follows an answer may be of an earlier one
  TlsProbe probe_ = TlsProbe::not_made;
  std::vector<std::shared_ptr<Connection>> awaiting_probe_;
};

/// Throws Error bad_config as the transport would if it cannot read the certificates that `settings` name: for who
/// wants to know without a call.
void check_certificates(const ApiSettings& settings);

}  // namespace convoke
