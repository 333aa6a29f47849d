#include "net/http_transport.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace convoke {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace std::chrono_literals;

// Common servers close an idle connection after 5 s (Node) or more; one that is about to close is not worth the doubt
// it brings.
constexpr auto longest_idle = 4s;
constexpr std::uint64_t largest_answer = 256ULL << 20U;
constexpr std::size_t read_size = 64U << 10U;  // Beast reads 512 bytes at a time into a buffer that starts out empty
constexpr std::size_t most_reserved = 1U << 20U;
constexpr std::uint32_t largest_header = 64U << 10U;
constexpr std::size_t json_padding = 64;  // simdjson reads so far beyond the end

bool is_alive(tcp::socket& socket) {
  char byte = 0;
  const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);  // open and silent; anything to read is not for us
}

// A server that quotes our key would have it in the ledger and in messages. Same length, so that JSON stays JSON; a key
// of a few letters is a test's, and would blot out words.
void blot_out(std::string& text, const std::string& key) {
  constexpr std::size_t shortest_key = 8;
  if (key.size() < shortest_key) return;
  for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at))
    text.replace(at, key.size(), key.size(), '*');
}

}  // namespace

struct HttpTransport::Target {
  bool tls = false;
  std::string host;  // to resolve and to verify
  std::string port;
  std::string host_header;
  std::string base_path;  // without a slash at the end
};

struct HttpTransport::Connection {
  Connection(const asio::any_io_executor& loop, asio::ssl::context* context)
      : resolver(loop), resolved(loop), socket(loop), deadline(loop) {
    buffer.reserve(read_size);
    if (context != nullptr) tls.emplace(socket, *context);
  }

  // Ends whatever is under way. What the kernel still holds is thrown away and not sent later.
  void abort() {
    resolver.cancel();
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
  }

  tcp::resolver resolver;
  asio::steady_timer resolved;  // expires when the deadline does, is cancelled when the name is resolved
  boost::system::error_code resolve_error;
  tcp::resolver::results_type endpoints;
  tcp::socket socket;
  std::optional<asio::ssl::stream<tcp::socket&>> tls;
  asio::steady_timer deadline;
  beast::flat_buffer buffer;
  std::chrono::steady_clock::time_point idle_since;
  const char* phase = "connect";
  bool timed_out = false;
  bool reusable = false;
};

HttpTransport::HttpTransport(asio::any_io_executor loop, ApiSettings settings)
    : loop_(std::move(loop)), settings_(std::move(settings)), target_(std::make_unique<Target>()) {
  const auto url = boost::urls::parse_uri(settings_.base_url);
  if (!url || url->host().empty() || (url->scheme() != "http" && url->scheme() != "https")) {
    throw Error(Exit::bad_config, fmt::format("not an http or https URL: {}", excerpt(settings_.base_url)),
                "api.base_url");
  }
  target_->tls = url->scheme() == "https";
  target_->host = url->host_address();
  target_->port = url->has_port() ? std::string(url->port()) : target_->tls ? "443" : "80";
  target_->host_header = std::string(url->encoded_host_and_port());
  target_->base_path = std::string(url->encoded_path());
  while (target_->base_path.ends_with('/')) target_->base_path.pop_back();
  if (!target_->tls) return;

  tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
  tls_->set_verify_mode(asio::ssl::verify_peer);
  boost::system::error_code error;
  if (settings_.ca_file) {
    tls_->load_verify_file(*settings_.ca_file, error);
  } else {
    tls_->set_default_verify_paths(error);
  }
  if (error) {
    throw Error(Exit::bad_config, fmt::format("cannot read certificates: {}", error.message()),
                settings_.ca_file.value_or("the system's certificates"),
                "api.ca_file names a PEM file with the CA's certificate");
  }
}

HttpTransport::~HttpTransport() = default;

std::shared_ptr<HttpTransport::Connection> HttpTransport::idle_connection() {
  const auto oldest = std::chrono::steady_clock::now() - longest_idle;
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->idle_since >= oldest && is_alive(connection->socket)) return connection;
  }
  return nullptr;
}

template <class Stream>
asio::awaitable<void> HttpTransport::exchange(Connection& connection, Stream& stream, const Request& request,
                                              Answer& answer) {
  http::request<http::string_body> message(http::string_to_verb(request.method), target_->base_path + request.target,
                                           11);
  message.set(http::field::host, target_->host_header);
  message.set(http::field::authorization, settings_.key);
  message.set(http::field::user_agent, "convoke");
  message.set(http::field::accept, "application/json");
  if (!request.body.empty()) {
    message.set(http::field::content_type, "application/json");
    message.body() = request.body;
  }
  message.prepare_payload();

  connection.phase = "send";
  // The machine may have slept since the call was claimed, and its timers with it.
  if (SystemClock().now() > request.not_after) throw boost::system::system_error(asio::error::timed_out);
  answer.reached = Answer::Reached::maybe;
  co_await http::async_write(stream, message, use_awaitable);

  connection.phase = "wait for the answer";
  std::optional<http::response_parser<http::string_body>> parser;
  const auto is_interim = [](unsigned status) { return status / 100 == 1 && status != 101; };
  do {  // an interim answer (100 Continue, 103 Early Hints) comes before the answer and is not it
    parser.emplace();
    parser->body_limit(largest_answer);
    parser->header_limit(largest_header);
    // Room for the body and what simdjson reads beyond it, so that it is neither grown nor moved.
    parser->get().body().reserve(largest_body_ + json_padding);
    co_await http::async_read(stream, connection.buffer, *parser, use_awaitable);
  } while (is_interim(parser->get().result_int()));

  auto response = parser->release();
  largest_body_ = std::min(std::max(largest_body_, response.body().size()), most_reserved);
  answer.reached = Answer::Reached::answered;
  answer.status = static_cast<int>(response.result_int());
  answer.retry_after = std::string(response[http::field::retry_after]);
  answer.ratelimit = std::string(response["RateLimit"]);
  answer.ratelimit_limit = std::string(response["RateLimit-Limit"]);
  answer.ratelimit_remaining = std::string(response["RateLimit-Remaining"]);
  answer.ratelimit_reset = std::string(response["RateLimit-Reset"]);
  answer.body = std::move(response.body());
  blot_out(answer.body, settings_.key);
  connection.reusable = response.keep_alive() && answer.status >= 200 && connection.buffer.size() == 0;
}

// What is under way in the system's resolver cannot be called off: it goes on by itself, and is not waited for beyond
// the deadline.
asio::awaitable<void> HttpTransport::resolve(std::shared_ptr<Connection> connection) {
  connection->resolved.expires_at(connection->deadline.expiry());
  auto on_result = [connection](boost::system::error_code error, tcp::resolver::results_type endpoints) {
    connection->resolve_error = error;
    connection->endpoints = std::move(endpoints);
    connection->resolved.cancel();
  };
  connection->resolver.async_resolve(target_->host, target_->port, std::move(on_result));
  boost::system::error_code stopped;
  co_await connection->resolved.async_wait(asio::redirect_error(use_awaitable, stopped));
  if (!stopped) connection->timed_out = true;
  if (connection->timed_out) throw boost::system::system_error(asio::error::timed_out);
  if (connection->resolve_error) throw boost::system::system_error(connection->resolve_error);
}

asio::awaitable<Answer> HttpTransport::send(Request request) {
  Answer answer;
  std::shared_ptr<Connection> connection = idle_connection();
  const bool is_new = !connection;
  if (is_new) connection = std::make_shared<Connection>(loop_, tls_.get());
  connection->reusable = false;
  connection->timed_out = false;
  connection->deadline.expires_after(settings_.timeout);
  connection->deadline.async_wait([weak = std::weak_ptr(connection)](boost::system::error_code error) {
    const auto waited_for = weak.lock();
    if (error || !waited_for || waited_for->deadline.expiry() > std::chrono::steady_clock::now()) return;
    waited_for->timed_out = true;
    waited_for->abort();
  });

  try {
    if (is_new) {
      connection->phase = "resolve";
      co_await resolve(connection);
      connection->phase = "connect";
      co_await asio::async_connect(connection->socket, connection->endpoints, use_awaitable);
      connection->socket.set_option(tcp::no_delay(true));
      if (connection->tls) {
        connection->phase = "TLS handshake";
        SSL_set_tlsext_host_name(connection->tls->native_handle(), target_->host.c_str());
        connection->tls->set_verify_callback(asio::ssl::host_name_verification(target_->host));
        co_await connection->tls->async_handshake(asio::ssl::stream_base::client, use_awaitable);
      }
    }
    if (connection->tls) {
      co_await exchange(*connection, *connection->tls, request, answer);
    } else {
      co_await exchange(*connection, connection->socket, request, answer);
    }
  } catch (const boost::system::system_error& error) {
    if (connection->timed_out) {
      answer.error = fmt::format("no answer within {} ({})", describe_duration(settings_.timeout), connection->phase);
    } else {
      answer.error = fmt::format("{}: {}", connection->phase, excerpt(error.code().message()));
    }
  }
  connection->deadline.cancel();
  if (connection->reusable && !connection->timed_out) {
    connection->idle_since = std::chrono::steady_clock::now();
    idle_.push_back(std::move(connection));
  } else {
    connection->abort();
  }
  co_return answer;
}

}  // namespace convoke
