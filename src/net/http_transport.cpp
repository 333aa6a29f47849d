#include "net/http_transport.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
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
#include "net/certificate.h"
#include "net/trouble.h"

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
constexpr auto longest_probe = 5s;  // a TLS server says something at once; what says nothing is not worth the wait
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

// What this machine will not give is no word of the server's, and no patience helps.
bool is_scarce(const boost::system::error_code& error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system;
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
  bool is_address = false;
  std::string port;
  std::string url;  // for people: scheme, host, port
  std::string host_header;
  std::string base_path;  // without a slash at the end
};

struct HttpTransport::Connection {
  Connection(const asio::any_io_executor& loop, asio::ssl::context* context)
      : resolver(loop), resolved(loop), socket(loop), deadline(loop) {
    buffer.reserve(read_size);
    if (context != nullptr) tls.emplace(socket, *context);
  }

  asio::awaitable<void> shake_hands(const Target& target, boost::system::error_code& error) {
    // RFC 6066: a server name is a name.
    if (!target.is_address) SSL_set_tlsext_host_name(tls->native_handle(), target.host.c_str());
    co_await tls->async_handshake(asio::ssl::stream_base::client, asio::redirect_error(use_awaitable, error));
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
  bool is_resolved = false;
  tcp::socket socket;
  std::optional<asio::ssl::stream<tcp::socket&>> tls;
  asio::steady_timer deadline;
  std::string certificate_trouble;
  beast::flat_buffer buffer;
  std::optional<http::response_parser<http::string_body>> parser;
  std::chrono::steady_clock::time_point idle_since;
  Phase phase = Phase::resolve;
  bool timed_out = false;
  bool reusable = false;
  bool wants_tls = false;  // the server has said so, in HTTP
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
  boost::system::error_code no_address;
  asio::ip::make_address(target_->host, no_address);
  target_->is_address = !no_address;
  target_->port = url->has_port() ? std::string(url->port()) : target_->tls ? "443" : "80";
  target_->host_header = std::string(url->encoded_host_and_port());
  const bool in_brackets = target_->host.find(':') != std::string::npos;
  target_->url = excerpt(fmt::format("{}://{}{}{}:{}", target_->tls ? "https" : "http", in_brackets ? "[" : "",
                                     target_->host, in_brackets ? "]" : "", target_->port));
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
  // OpenSSL compares the names, and tells a wrong one from a chain that does not hold.
  X509_VERIFY_PARAM* verification = SSL_CTX_get0_param(tls_->native_handle());
  const int set = target_->is_address
                      ? X509_VERIFY_PARAM_set1_ip_asc(verification, target_->host.c_str())
                      : X509_VERIFY_PARAM_set1_host(verification, target_->host.data(), target_->host.size());
  if (set != 1) {
    throw Error(Exit::bad_config, fmt::format("no certificate can be for this host: {}", excerpt(target_->host)),
                "api.base_url");
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
  message.set(http::field::authorization, settings_.key.text());
  message.set(http::field::user_agent, "convoke");
  message.set(http::field::accept, "application/json");
  if (!request.body.empty()) {
    message.set(http::field::content_type, "application/json");
    message.body() = request.body;
  }
  message.prepare_payload();

  connection.phase = Phase::send;
  // The machine may have slept since the call was claimed, and its timers with it.
  if (SystemClock().now() > request.not_after) throw boost::system::system_error(asio::error::timed_out);
  answer.reached = Answer::Reached::maybe;
  co_await http::async_write(stream, message, use_awaitable);

  connection.phase = Phase::wait;
  auto& parser = connection.parser;
  while (true) {
    parser.emplace();
    parser->body_limit(largest_answer);
    parser->header_limit(largest_header);
    // Room for the body and what simdjson reads beyond it, so that it is neither grown nor moved.
    parser->get().body().reserve(largest_body_ + json_padding);
    co_await http::async_read(stream, connection.buffer, *parser, use_awaitable);
    const unsigned status = parser->get().result_int();
    if (status / 100 != 1 || status == 101) break;
    spoke_http_ = true;  // an interim answer (100 Continue, 103 Early Hints) comes before the answer and is not it
  }

  auto response = parser->release();
  connection.wants_tls = !target_->tls && asks_for_tls(response.result_int(), response.body());
  if (connection.wants_tls) co_return;
  spoke_http_ = true;
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
    connection->is_resolved = true;
    connection->resolved.cancel();
  };
  // Throws if the thread for it cannot be started.
  connection->resolver.async_resolve(target_->host, target_->port, std::move(on_result));
  boost::system::error_code ignored;
  co_await connection->resolved.async_wait(asio::redirect_error(use_awaitable, ignored));
  if (!connection->is_resolved) connection->timed_out = true;
  if (connection->timed_out) throw boost::system::system_error(asio::error::timed_out);
  if (connection->resolve_error) throw boost::system::system_error(connection->resolve_error);
}

// Throws what goes wrong; `connection->phase` says where it was.
asio::awaitable<void> HttpTransport::open(std::shared_ptr<Connection> connection) {
  connection->phase = Phase::resolve;
  co_await resolve(connection);
  connection->phase = Phase::connect;
  // Tried first: where no file is left for a socket, async_connect says only that it was canceled.
  boost::system::error_code no_socket;
  connection->socket.open(connection->endpoints.begin()->endpoint().protocol(), no_socket);
  if (is_scarce(no_socket)) throw boost::system::system_error(no_socket);
  co_await asio::async_connect(connection->socket, connection->endpoints, use_awaitable);
  connection->socket.set_option(tcp::no_delay(true));
  if (!connection->tls) co_return;

  connection->phase = Phase::handshake;
  auto on_certificate = [this, trouble = &connection->certificate_trouble](bool holds, asio::ssl::verify_context& at) {
    if (!holds) {
      *trouble = certificate_trouble(at.native_handle(), {target_->url, target_->host, settings_.ca_file.value_or("")});
    }
    return holds;
  };
  connection->tls->set_verify_callback(std::move(on_certificate));
  boost::system::error_code error;
  co_await connection->shake_hands(*target_, error);
  if (error) throw boost::system::system_error(error);
}

void HttpTransport::start_deadline(const std::shared_ptr<Connection>& connection,
                                   std::chrono::steady_clock::time_point end) {
  connection->timed_out = false;
  connection->deadline.expires_at(end);
  connection->deadline.async_wait([weak = std::weak_ptr(connection)](boost::system::error_code error) {
    const auto waited_for = weak.lock();
    if (error || !waited_for || waited_for->deadline.expiry() > std::chrono::steady_clock::now()) return;
    waited_for->timed_out = true;
    waited_for->abort();
  });
}

asio::awaitable<Answer> HttpTransport::send(Request request) {
  Answer answer;
  std::shared_ptr<Connection> connection = idle_connection();
  const bool is_new = !connection;
  if (is_new) connection = std::make_shared<Connection>(loop_, tls_.get());
  connection->reusable = false;
  connection->parser.reset();
  start_deadline(connection, std::chrono::steady_clock::now() + settings_.timeout);

  boost::system::error_code error;
  try {
    if (is_new) co_await open(connection);
    if (connection->tls) {
      co_await exchange(*connection, *connection->tls, request, answer);
    } else {
      co_await exchange(*connection, connection->socket, request, answer);
    }
  } catch (const boost::system::system_error& failure) {
    error = failure.code();
  }
  const bool has_no_thread = connection->phase == Phase::resolve && error == asio::error::try_again;
  if (is_new && answer.reached == Answer::Reached::no && (has_no_thread || is_scarce(error))) {
    connection->deadline.cancel();
    throw boost::system::system_error(error);
  }
  if (answer.reached != Answer::Reached::answered) co_await explain(connection, error, answer);
  connection->deadline.cancel();
  if (connection->reusable && !connection->timed_out) {
    connection->idle_since = std::chrono::steady_clock::now();
    idle_.push_back(std::move(connection));
  } else {
    connection->abort();
  }
  co_return answer;
}

// Sets the reason and the words of an answer that did not come.
asio::awaitable<void> HttpTransport::explain(std::shared_ptr<Connection> connection, boost::system::error_code error,
                                             Answer& answer) {
  const bool timed_out = connection->timed_out;
  const Phase phase = connection->phase;
  const std::string what =
      timed_out ? fmt::format("no answer within {}", describe_duration(settings_.timeout)) : excerpt(error.message());
  if (answer.reached == Answer::Reached::no) {
    answer.reason = reason_not_sent(phase, error, target_->host);
    // Where HTTP was spoken before, one answer in the clear is an accident of the way (an overloaded balancer), and
    // heals.
    if (answer.reason == Reason::not_tls && spoke_http_) answer.reason = Reason::not_connected;
    switch (answer.reason) {
      case Reason::certificate:
        answer.error = connection->certificate_trouble;
        if (!answer.error.empty()) break;
        answer.error = fmt::format("the certificate of {} does not verify: {}", target_->url, what);
        break;
      case Reason::not_tls:
        answer.error = fmt::format("{} does not speak TLS, and base_url says https: is it an http address? ({})",
                                   target_->url, what);
        break;
      case Reason::unknown_host:
        answer.error = fmt::format("there is no host {} ({}): {}", excerpt(target_->host), target_->url, what);
        break;
      default:
        if (phase == Phase::send) {
          answer.error = "the time to send it had passed (has this machine slept?)";
          break;
        }
        answer.error = fmt::format("cannot reach {}: {} ({})", target_->url, what, name_of(phase));
    }
    co_return;
  }

  bool wants_tls = connection->wants_tls;
  if (!target_->tls && !wants_tls) {
    const auto unread = connection->buffer.data();
    const std::string_view bytes(static_cast<const char*>(unread.data()), unread.size());
    const bool in_answer = connection->parser && connection->parser->is_header_done();
    wants_tls = !in_answer && starts_tls_record(bytes);
    const bool without_a_word = !in_answer && bytes.empty() && !timed_out && !spoke_http_;
    if (without_a_word) wants_tls = co_await speaks_tls(connection);
  }
  if (wants_tls && !spoke_http_) {
    // To a TLS server a plain request is no request.
    answer.reached = Answer::Reached::no;
    answer.reason = Reason::tls_expected;
    answer.error = fmt::format("{} expects TLS, and base_url says http: is it an https address?", target_->url);
  } else if (timed_out) {
    answer.reason = Reason::timed_out;
    answer.error = fmt::format("{} ({})", what, name_of(phase));
  } else {
    answer.reason = Reason::connection_lost;
    answer.error = fmt::format("{}: {}", name_of(phase), what);
  }
}

// Whether the server that broke off `connection` speaks TLS there. The first to ask finds out, the others wait for it,
// none beyond its own deadline.
asio::awaitable<bool> HttpTransport::speaks_tls(std::shared_ptr<Connection> connection) {
  if (probe_ == TlsProbe::not_made) {
    probe_ = TlsProbe::under_way;
    probe_ = co_await probe(*connection);
    for (const auto& waiting : awaiting_probe_) waiting->resolved.cancel();
    awaiting_probe_.clear();
  } else if (probe_ == TlsProbe::under_way) {
    awaiting_probe_.push_back(connection);
    connection->resolved.expires_at(connection->deadline.expiry());
    boost::system::error_code ignored;
    co_await connection->resolved.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
  co_return probe_ == TlsProbe::tls && !spoke_http_;  // meanwhile, to another call: a port that speaks both
}

// A TLS handshake and nothing else, with the addresses and within the deadline of the call that failed. Whether the
// certificate holds does not matter here: nothing is sent.
asio::awaitable<HttpTransport::TlsProbe> HttpTransport::probe(const Connection& failed) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_none);
  const auto probing = std::make_shared<Connection>(loop_, &context);
  probing->endpoints = failed.endpoints;
  start_deadline(probing, std::min(failed.deadline.expiry(), std::chrono::steady_clock::now() + longest_probe));
  boost::system::error_code error;
  co_await asio::async_connect(probing->socket, probing->endpoints, asio::redirect_error(use_awaitable, error));
  TlsProbe result = TlsProbe::not_made;
  if (!error) {
    co_await probing->shake_hands(*target_, error);
    result = shows_tls(error) ? TlsProbe::tls : TlsProbe::no_tls;
  }
  probing->deadline.cancel();
  probing->abort();
  co_return result;
}

}  // namespace convoke
