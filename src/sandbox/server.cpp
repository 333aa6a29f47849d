#include "sandbox/server.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <csignal>
#include <cstdio>
#include <iterator>

#include "base/error.h"
#include "base/text.h"

namespace convoke {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_size = 65'536;
constexpr std::size_t lines_at_once = 4096;
constexpr std::uint32_t longest_head =
    1'048'576;  // a target of many addresses is long; what is too long the settings say

tcp::endpoint endpoint_of(asio::io_context& context, const std::string& listen) {
  const auto colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  const bool is_port = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos &&
                       std::stoi(port) <= 65535;
  if (host.empty() || !is_port) {
    throw Error(Exit::usage, fmt::format("not HOST:PORT: {}", json_string(excerpt(listen))), "--listen",
                "for example 127.0.0.1:8080, or port 0 for any that is free");
  }
  boost::system::error_code error;
  const auto found = tcp::resolver(context).resolve(host, port, tcp::resolver::passive, error);
  if (error || found.empty()) {
    throw Error(Exit::usage, fmt::format("no such host: {} ({})", excerpt(host), error.message()), "--listen");
  }
  return found.begin()->endpoint();
}

void load_tls(asio::ssl::context& context, const ServerSettings& settings) {
  boost::system::error_code error;
  context.use_certificate_chain_file(settings.tls_certificate, error);
  if (error) throw Error(Exit::usage, "not a certificate in PEM: " + error.message(), settings.tls_certificate);
  context.use_private_key_file(settings.tls_key, asio::ssl::context::pem, error);
  if (error) throw Error(Exit::usage, "not the key of the certificate in PEM: " + error.message(), settings.tls_key);
}

/// The head of an answer; `length` absent: the body comes in chunks.
std::string head_of(const SandboxReply& reply, std::optional<std::size_t> length, bool keep_alive) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nServer: convoke-sandbox\r\n", reply.status,
                                 std::string_view(http::obsolete_reason(static_cast<http::status>(reply.status))));
  auto out = std::back_inserter(head);
  if (!reply.content_type.empty()) fmt::format_to(out, "Content-Type: {}\r\n", reply.content_type);
  if (!reply.location.empty()) fmt::format_to(out, "Location: {}\r\n", reply.location);
  if (!reply.allow.empty()) fmt::format_to(out, "Allow: {}\r\n", reply.allow);
  if (reply.retry_after) fmt::format_to(out, "Retry-After: {}\r\n", reply.retry_after->count());
  if (!keep_alive) head += "Connection: close\r\n";
  const bool never_has_body = reply.status == 204 || reply.status == 304;
  if (never_has_body) {
    head += "\r\n";  // RFC 9110: without a length
  } else if (length) {
    fmt::format_to(out, "Content-Length: {}\r\n\r\n", *length);
  } else {
    head += "Transfer-Encoding: chunked\r\n\r\n";
  }
  return head;
}

/// Whether bytes came that are no HTTP, and not too few of them.
bool is_no_http(const boost::system::error_code& error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

/// What is said then, as common servers do: to a client that speaks TLS here, for example.
SandboxReply bad_request() {
  SandboxReply reply;
  reply.status = 400;
  reply.body = "not an HTTP request\n";
  reply.content_type = "text/plain";
  return reply;
}

}  // namespace

SandboxServer::SandboxServer(const ServerSettings& settings, Sandbox& sandbox, const Clock& clock)
    : sandbox_(sandbox), clock_(clock), longest_body_(settings.longest_body) {
  if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
    throw Error(Exit::usage, "a certificate and its key go together", "--tls-cert, --tls-key");
  }
  if (!settings.tls_certificate.empty()) {
    load_tls(tls_.emplace(asio::ssl::context::tls_server), settings);
  }
  const tcp::endpoint endpoint = endpoint_of(context_, settings.listen);
  boost::system::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    throw Error(Exit::usage, fmt::format("cannot listen on {}: {}", settings.listen, error.message()), "--listen",
                "another address, or port 0 for any that is free");
  }
}

std::uint16_t SandboxServer::port() const {
  return acceptor_.local_endpoint().port();
}

std::string SandboxServer::url() const {
  const auto address = acceptor_.local_endpoint().address();
  return fmt::format("{}://{}{}{}:{}", tls_ ? "https" : "http", address.is_v6() ? "[" : "", address.to_string(),
                     address.is_v6() ? "]" : "", port());
}

void SandboxServer::run() {
  asio::co_spawn(context_, accept(), asio::detached);
  context_.run();
}

void SandboxServer::stop() {
  context_.stop();
}

asio::awaitable<void> SandboxServer::accept() {
  asio::steady_timer timer(context_);
  while (true) {
    auto [error, socket] = co_await acceptor_.async_accept(as_result);
    if (error) {
      // Out of file descriptors, as a rule: some connection will end.
      timer.expires_after(std::chrono::milliseconds(10));
      co_await timer.async_wait(as_result);
      continue;
    }
    sandbox_.connection_opened();
    asio::co_spawn(context_, welcome(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> SandboxServer::welcome(tcp::socket socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  Wire wire(std::move(socket), tls_ ? &*tls_ : nullptr);
  if (tls_) {
    const auto [error] = co_await wire.tls->async_handshake(asio::ssl::stream_base::server, as_result);
    if (error) co_return;
  }
  co_await converse(wire);
}

asio::awaitable<void> SandboxServer::converse(Wire& wire) {
  beast::flat_buffer buffer;
  buffer.reserve(read_size);  // Beast reads no more at once than there is room, and grows by 512 bytes
  SandboxReply reply;
  asio::steady_timer timer(context_);
  boost::system::error_code ignored;
  bool open = true;
  while (open) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(longest_body_);
    parser.header_limit(longest_head);
    const auto [error, bytes] = co_await http::async_read(wire, buffer, parser, as_result);
    const bool too_long = error == http::error::body_limit;
    const bool no_http = !too_long && is_no_http(error);
    if (error && !too_long && !no_http) break;

    const auto& message = parser.get();
    const SandboxRequest request{.method = message.method_string(),
                                 .target = message.target(),
                                 .authorization = message[http::field::authorization],
                                 .content_type = message[http::field::content_type],
                                 .body = message.body(),
                                 .body_too_long = too_long};
    if (no_http) {
      reply = bad_request();
    } else {
      sandbox_.handle(request, clock_.now(), clock_.wall(), reply);
    }
    if (reply.delay > Duration::zero()) {
      timer.expires_after(reply.delay);
      co_await timer.async_wait(as_result);
    }
    open = co_await deliver(wire, reply, !error && message.keep_alive());
    if (!error) continue;
    // Closing with bytes unread would reset the connection, and the answer could be lost with it.
    wire.socket.shutdown(tcp::socket::shutdown_send, ignored);
    co_await read_away(wire);
  }
  wire.socket.shutdown(tcp::socket::shutdown_both, ignored);
}

/// Sends what the reply says; false: the connection is done with.
asio::awaitable<bool> SandboxServer::deliver(Wire& wire, const SandboxReply& reply, bool keep_alive) {
  if (reply.delivery == Delivery::stall) {
    co_await read_away(wire);
    co_return false;
  }
  if (!reply.reaches_client()) {
    wire.reset();
    co_return false;
  }
  if (reply.lines != RecordLines::none) {
    const std::string head = head_of(reply, std::nullopt, keep_alive);
    const auto [error, bytes] = co_await asio::async_write(wire, asio::buffer(head), as_result);
    if (error) co_return false;
    const bool sent = co_await deliver_lines(wire, reply.lines);
    if (!sent) co_return false;
    co_return keep_alive;
  }
  const std::string head = head_of(reply, reply.body.size(), keep_alive);
  const bool whole = reply.delivery == Delivery::whole;
  const std::array<asio::const_buffer, 2> parts = {
      asio::buffer(head), asio::buffer(reply.body.data(), whole ? reply.body.size() : reply.body.size() / 2)};
  const auto [error, bytes] = co_await asio::async_write(wire, parts, as_result);
  if (error || !whole) co_return false;
  co_return keep_alive;
}

// Not so: Asio's frames have their own pair of new and delete, and with sanitizers g++ 12 loses sight of one of them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
/// Takes what the client sends and drops it, until the client goes away.
asio::awaitable<void> SandboxServer::read_away(Wire& wire) {
  std::array<char, 4096> unread;
  bool open = true;
  while (open) {
    const auto [error, bytes] = co_await asio::async_read(wire, asio::buffer(unread), as_result);
    open = !error;
  }
}
#pragma GCC diagnostic pop

asio::awaitable<bool> SandboxServer::deliver_lines(Wire& wire, RecordLines which) {
  std::string lines;
  for (std::size_t from = 0; true; from += lines_at_once) {
    lines.clear();
    const bool some = sandbox_.append_lines(lines, which, from, lines_at_once);
    const std::string chunk = some ? fmt::format("{:x}\r\n{}\r\n", lines.size(), lines) : "0\r\n\r\n";
    const auto [error, bytes] = co_await asio::async_write(wire, asio::buffer(chunk), as_result);
    if (error || !some) co_return !error;
  }
}

void serve_sandbox(const ServerSettings& server_settings, const SandboxSettings& sandbox_settings) {
  const SystemClock clock;
  Sandbox sandbox(sandbox_settings);
  SandboxServer server(server_settings, sandbox, clock);
  asio::signal_set signals(server.context(), SIGINT, SIGTERM);
  signals.async_wait([&server](const boost::system::error_code& error, int) {
    if (!error) server.stop();
  });
  fmt::print("sandbox listening on {}\n", server.url());
  std::fflush(stdout);
  server.run();
}

}  // namespace convoke
