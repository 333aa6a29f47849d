#include "net/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "net/certificate.h"
#include "net/http.h"

namespace convoke {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;
using Steady = std::chrono::steady_clock;

constexpr auto longest_question = std::chrono::seconds(5);  // a TLS server says something at once

// Whether TLS holds anything that came after the answer. (Asio hands all that it has read to OpenSSL before it reads
// more: its buffer and the BIO's are of one size, and it reads only when the BIO is empty.)
bool is_drained(SSL* tls) {
  return SSL_has_pending(tls) == 0 && BIO_ctrl_pending(SSL_get_rbio(tls)) == 0;
}

asio::awaitable<error_code> shake_hands(Wire& wire, const Url& api) {
  // RFC 6066: a server name is a name.
  if (!api.is_address) SSL_set_tlsext_host_name(wire.tls->native_handle(), api.host.c_str());
  error_code error;
  co_await wire.tls->async_handshake(asio::ssl::stream_base::client, asio::redirect_error(use_awaitable, error));
  co_return error;
}

}  // namespace

Connection::Connection(const asio::any_io_executor& loop, asio::ssl::context* tls)
    : wire(tcp::socket(loop), tls), deadline(loop) {
  buffer.reserve(read_size);
}

void Connection::start_deadline(Steady::time_point end) {
  deadline.expires_at(end);
  deadline.async_wait([weak = weak_from_this()](error_code error) {
    const auto late = weak.lock();
    if (error || !late || late->deadline.expiry() > Steady::now()) return;
    late->progress.timed_out = true;
    late->wire.reset();
  });
}

// What is under way in the system's resolver cannot be called off: it goes on by itself, and is not waited for beyond
// the deadline.
asio::awaitable<void> Connection::resolve(const std::string& host, const std::string& port) {
  struct Lookup {
    explicit Lookup(const asio::any_io_executor& loop) : resolver(loop), is_done(loop) {}
    tcp::resolver resolver;
    asio::steady_timer is_done;  // cancelled then
    error_code error;
    tcp::resolver::results_type endpoints;
  };
  const auto lookup = std::make_shared<Lookup>(deadline.get_executor());
  lookup->is_done.expires_at(deadline.expiry());
  // Throws if the thread for it cannot be started.
  lookup->resolver.async_resolve(host, port, [lookup](error_code error, tcp::resolver::results_type found) {
    lookup->error = error;
    lookup->endpoints = std::move(found);
    lookup->is_done.cancel();
  });
  error_code was_cancelled;
  co_await lookup->is_done.async_wait(asio::redirect_error(use_awaitable, was_cancelled));
  lookup->resolver.cancel();
  if (!was_cancelled) progress.timed_out = true;
  if (progress.timed_out) throw system_error(asio::error::timed_out);
  if (lookup->error) throw system_error(lookup->error);
  endpoints = std::move(lookup->endpoints);
}

asio::awaitable<void> Connection::open(const ApiSettings& settings, const Url& api, TlsClient* tls) {
  const auto& proxy = settings.proxy;
  progress.phase = Phase::resolve;
  co_await resolve(proxy ? proxy->host : api.host, proxy ? proxy->port : api.port);
  progress.phase = Phase::connect;
  // Tried first: where no file is left for a socket, async_connect says only that it was canceled.
  error_code error;
  wire.socket.open(endpoints.begin()->endpoint().protocol(), error);
  if (is_scarce(error)) throw system_error(error);
  co_await asio::async_connect(wire.socket, endpoints, use_awaitable);
  wire.socket.set_option(tcp::no_delay(true));
  if (tls == nullptr) co_return;
  if (proxy) {
    progress.phase = Phase::tunnel;
    co_await open_tunnel(*this, api, *proxy);
  }
  progress.phase = Phase::handshake;
  wire.tls->set_verify_callback([this, &settings, &api](bool holds, asio::ssl::verify_context& at) {
    if (!holds) {
      progress.certificate_trouble =
          certificate_trouble(at.native_handle(), {api.text(), api.host, settings.ca_file.value_or("")});
    }
    return holds;
  });
  if (tls->session() != nullptr) SSL_set_session(wire.tls->native_handle(), tls->session());
  error = co_await shake_hands(wire, api);
  if (error) throw system_error(error);
}

Idle Connection::look() {
  char byte = 0;
  SSL* const ssl = wire.tls ? wire.tls->native_handle() : nullptr;
  if (ssl != nullptr && !is_drained(ssl)) return SSL_peek(ssl, &byte, 1) > 0 ? Idle::speaks : Idle::over;
  const auto got = ::recv(wire.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return Idle::silent;
  return got > 0 && ssl == nullptr ? Idle::speaks : Idle::over;
}

asio::awaitable<std::optional<bool>> ask_for_tls(Connection& failed, const Url& api) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_none);
  const auto asking = std::make_shared<Connection>(failed.deadline.get_executor(), &context);
  asking->start_deadline(std::min(failed.deadline.expiry(), Steady::now() + longest_question));
  error_code error;
  co_await asio::async_connect(asking->wire.socket, failed.endpoints, asio::redirect_error(use_awaitable, error));
  std::optional<bool> speaks;
  if (!error) speaks = shows_tls(co_await shake_hands(asking->wire, api));
  asking->deadline.cancel();
  asking->wire.reset();
  co_return speaks;
}

}  // namespace convoke
