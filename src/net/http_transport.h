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
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/transport.h"
#include "net/answer_memory.h"
#include "net/blot.h"
#include "net/settings.h"
#include "net/trouble.h"
#include "net/url.h"

namespace convoke {

struct Connection;
class TlsClient;

class HttpTransport final : public Transport {
 public:
  /// Throws Error(bad_config) if the base URL or the CA file cannot be used. No connection is made before the first
  /// call.
  HttpTransport(boost::asio::any_io_executor loop, const Clock& clock, ApiSettings settings);
  ~HttpTransport() override;

  boost::asio::awaitable<Answer> send(Request request) override;

 private:
  boost::asio::awaitable<void> call(const Request& request, Answer& answer);
  boost::asio::awaitable<bool> exchange(Connection& connection, const Request& request, Answer& answer);
  std::shared_ptr<Connection> idle_connection();
  boost::asio::awaitable<void> explain(Connection& connection, Answer& answer);
  std::optional<Explanation> explain_refusal(const CallProgress& progress, const std::string& what) const;
  boost::asio::awaitable<bool> wants_tls(Connection& connection);
  boost::asio::awaitable<bool> speaks_tls(Connection& connection);

  boost::asio::any_io_executor loop_;
  const Clock& clock_;
  ApiSettings settings_;
  Url api_;
  Blot blot_;
  std::unique_ptr<TlsClient> tls_;  // null: in the clear
  std::shared_ptr<AnswerMemory> memory_;
  std::vector<std::shared_ptr<Connection>> idle_;  // the latest used last: as few stay warm as are needed
  ServerHabits server_;
  std::optional<bool> speaks_tls_;  // what the question came to
  bool is_asking_ = false;
  Bell asked_;
};

}  // namespace convoke
