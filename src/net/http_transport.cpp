#include "net/http_transport.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/http/empty_body.hpp>
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
constexpr std::uint64_t largest_answer = 12ULL << 20U;  // the fullest there can be, of 10,000 participants, is 8
constexpr std::size_t most_held = 24U << 20U;           // of all answers at one time, until they are recorded
// Beast reads 512 bytes at a time into a buffer that starts out empty, and without a bound it grows with what is around
// a body: trailers, and what may stand behind the size of a chunk (RFC 9112, 7.1).
constexpr std::size_t read_size = 64U << 10U;
constexpr std::size_t most_reserved = 1U << 20U;
constexpr std::uint32_t largest_header = 32U << 10U;
constexpr std::ptrdiff_t most_fields = 200;  // each costs memory of its own, while the body is waited for
constexpr std::size_t json_padding = 64;     // simdjson reads so far beyond the end

// Whether TLS holds anything that came after the answer. (Asio hands all that it has read to OpenSSL before it reads
// more: its buffer and the BIO's are of one size, and it reads only when the BIO is empty.)
bool is_drained(SSL* tls) {
  return SSL_has_pending(tls) == 0 && BIO_ctrl_pending(SSL_get_rbio(tls)) == 0;
}

// Of a connection between two calls: anything to read is not for us. What comes over TLS may be a farewell, too.
enum class Idle { silent, speaks, over };

Idle state_of(tcp::socket& socket) {
  char byte = 0;
  const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return Idle::speaks;
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? Idle::silent : Idle::over;
}

Idle state_of(tcp::socket& socket, SSL* tls) {
  char byte = 0;
  if (!is_drained(tls)) return SSL_peek(tls, &byte, 1) > 0 ? Idle::speaks : Idle::over;
  return state_of(socket) == Idle::silent ? Idle::silent : Idle::over;
}

// Where a TLS context keeps its transport. (Place 0 is Asio's.)
int place_of_self() {
  static const int place = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return place;
}

// An answer whose end is the connection's end may have been cut off, and where nothing was said yet, nothing shows it.
bool may_be_cut(bool needs_eof, const std::string& body, unsigned status) {
  const bool is_blank = body.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  return needs_eof && is_blank && status / 100 == 2 && status != 204;
}

// What this machine will not give is no word of the server's, and no patience helps.
bool is_scarce(const boost::system::error_code& error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system;
}

}  // namespace

struct HttpTransport::Connection {
  Connection(const asio::any_io_executor& loop, asio::ssl::context* context)
      : resolver(loop), resolved(loop), socket(loop), deadline(loop) {
    buffer.reserve(read_size);
    if (context != nullptr) tls.emplace(socket, *context);
  }

  asio::awaitable<void> shake_hands(const Url& target, SSL_SESSION* session, boost::system::error_code& error) {
    // RFC 6066: a server name is a name.
    if (!target.is_address) SSL_set_tlsext_host_name(tls->native_handle(), target.host.c_str());
    if (session != nullptr) SSL_set_session(tls->native_handle(), session);
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
  beast::flat_buffer buffer{read_size};
  std::optional<http::response_parser<http::string_body>> parser;
  std::chrono::steady_clock::time_point idle_since;
  Phase phase = Phase::resolve;
  bool timed_out = false;
  bool reusable = false;
  bool wants_tls = false;      // the server has said so, in HTTP
  unsigned tunnel_status = 0;  // the proxy's answer to CONNECT
};

// The memory of all answers together. Whoever waits for some is woken when some is given back.
struct HttpTransport::Memory {
  std::size_t held = 0;
  std::vector<std::weak_ptr<asio::steady_timer>> waiting;
};

// What one answer takes of it.
struct HttpTransport::Share {
  explicit Share(std::shared_ptr<Memory> of) : memory(std::move(of)) {}
  ~Share() {
    memory->held -= bytes;
    for (const auto& waiting : std::exchange(memory->waiting, {})) {
      if (const auto timer = waiting.lock()) timer->cancel();
    }
  }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  bool grow(std::size_t to) {
    if (memory->held - bytes + to > most_held) return false;
    memory->held += to - bytes;
    bytes = to;
    return true;
  }

  std::shared_ptr<Memory> memory;
  std::size_t bytes = 0;
};

HttpTransport::HttpTransport(asio::any_io_executor loop, const Clock& clock, ApiSettings settings)
    : loop_(std::move(loop)), clock_(clock), settings_(std::move(settings)), memory_(std::make_shared<Memory>()) {
  std::string_view why;
  auto url = parse_url(settings_.base_url, why);
  if (!url) throw Error(Exit::bad_config, std::string(why), "api.base_url");
  target_ = std::move(*url);
  url_ = target_.text();
  blot_.add(settings_.key);
  if (settings_.proxy && !settings_.proxy->secret.empty()) {
    blot_.add(settings_.proxy->secret);
    blot_.add(settings_.proxy->secret.substr(settings_.proxy->secret.find(':') + 1));
    blot_.add(settings_.proxy->authorization.substr(std::string_view("Basic ").size()));
  }
  if (target_.tls) set_up_tls();
}

void HttpTransport::set_up_tls() {
  tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX* context = tls_->native_handle();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // RFC 7301: we speak HTTP/1.1 and nothing else.
  constexpr std::string_view protocols = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
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
  if (settings_.client_cert) {
    tls_->use_certificate_chain_file(*settings_.client_cert, error);
    if (error) {
      throw Error(Exit::bad_config, fmt::format("cannot read a certificate: {}", error.message()),
                  *settings_.client_cert, "api.client_cert names a PEM file with our certificate and its chain");
    }
    const std::string& key = settings_.client_key.value_or(*settings_.client_cert);
    // Nobody is there to be asked for a password.
    tls_->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string(); });
    tls_->use_private_key_file(key, asio::ssl::context::pem, error);
    if (error || SSL_CTX_check_private_key(context) != 1) {
      throw Error(Exit::bad_config,
                  error ? fmt::format("cannot read a private key: {}", error.message())
                        : std::string("this is not the key of that certificate"),
                  key, "api.client_key names a PEM file with the certificate's key, without a password");
    }
  }
  // Handshakes after the first are short: the latest session that the server gave is taken up again.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_ex_data(context, place_of_self(), this);
  SSL_CTX_sess_set_new_cb(context, [](SSL* tls, SSL_SESSION* session) {
    auto* self = static_cast<HttpTransport*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(tls), place_of_self()));
    // A copy: OpenSSL takes a session that ends without a farewell for one that must not be taken up again.
    self->session_.reset(SSL_SESSION_dup(session));
    return 0;
  });
  SSL_CTX_set_client_cert_cb(context, [](SSL* tls, X509**, EVP_PKEY**) {
    static_cast<HttpTransport*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(tls), place_of_self()))->asks_for_certificate_ =
        true;
    return 0;  // we have none
  });
  // OpenSSL compares the names, and tells a wrong one from a chain that does not hold.
  X509_VERIFY_PARAM* verification = SSL_CTX_get0_param(context);
  const int set = target_.is_address
                      ? X509_VERIFY_PARAM_set1_ip_asc(verification, target_.host.c_str())
                      : X509_VERIFY_PARAM_set1_host(verification, target_.host.data(), target_.host.size());
  if (set != 1) {
    throw Error(Exit::bad_config, fmt::format("no certificate can be for this host: {}", excerpt(target_.host)),
                "api.base_url");
  }
}

void HttpTransport::FreeSession::operator()(SSL_SESSION* session) const {
  SSL_SESSION_free(session);
}

HttpTransport::~HttpTransport() = default;

std::shared_ptr<HttpTransport::Connection> HttpTransport::idle_connection() {
  const auto oldest = std::chrono::steady_clock::now() - longest_idle;
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    const Idle state =
        connection->tls ? state_of(connection->socket, connection->tls->native_handle()) : state_of(connection->socket);
    if (state == Idle::speaks) speaks_unasked_ = true;
    if (connection->idle_since >= oldest && state == Idle::silent && !speaks_unasked_) return connection;
  }
  return nullptr;
}

template <class Stream>
asio::awaitable<void> HttpTransport::exchange(Connection& connection, Stream& stream, const Request& request,
                                              Answer& answer) {
  std::string target = target_.path + request.target;
  // RFC 9112, 3.2.2: to a proxy the whole address.
  const bool to_proxy = settings_.proxy && !target_.tls;
  if (to_proxy) target.insert(0, "http://" + target_.host_header);
  http::request<http::string_body> message(http::string_to_verb(request.method), target, 11);
  message.set(http::field::host, target_.host_header);
  if (to_proxy && !settings_.proxy->authorization.empty())
    message.set(http::field::proxy_authorization, settings_.proxy->authorization);
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
  if (clock_.now() > request.not_after) throw boost::system::system_error(asio::error::timed_out);
  answer.reached = Answer::Reached::maybe;
  co_await http::async_write(stream, message, use_awaitable);

  connection.phase = Phase::wait;
  auto& parser = connection.parser;
  while (true) {
    parser.emplace();
    parser->body_limit(largest_answer);
    parser->header_limit(largest_header);
    co_await http::async_read_header(stream, connection.buffer, *parser, use_awaitable);
    const auto& fields = parser->get().base();
    if (std::distance(fields.begin(), fields.end()) > most_fields)
      throw boost::system::system_error(http::error::header_limit);
    const auto hold = std::make_shared<Share>(memory_);
    answer.hold = hold;
    const std::size_t expected = parser->content_length().value_or(largest_body_);
    co_await wait_for_room(connection, *hold, expected);
    // Room for the body and what simdjson reads beyond it, so that it is neither grown nor moved.
    parser->get().body().reserve(std::min(expected, most_reserved) + json_padding);
    while (!parser->is_done()) {
      co_await http::async_read_some(stream, connection.buffer, *parser, use_awaitable);
      if (parser->get().body().size() > hold->bytes && !hold->grow(parser->get().body().size()))
        throw boost::system::system_error(http::error::body_limit);
    }
    const unsigned status = parser->get().result_int();
    if (status / 100 != 1 || status == 101) break;
    spoke_http_ = true;  // an interim answer (100 Continue, 103 Early Hints) comes before the answer and is not it
  }

  if (may_be_cut(parser->get().need_eof(), parser->get().body(), parser->get().result_int()))
    throw boost::system::system_error(http::error::partial_message);
  auto response = parser->release();
  connection.wants_tls = !target_.tls && asks_for_tls(response.result_int(), response.body());
  if (connection.wants_tls) co_return;
  spoke_http_ = true;
  largest_body_ = std::min(std::max(largest_body_, response.body().size()), most_reserved);
  answer.reached = Answer::Reached::answered;
  answer.status = static_cast<int>(response.result_int());
  answer.retry_after = std::string(response[http::field::retry_after]);
  answer.location = std::string(response[http::field::location]);
  answer.ratelimit = std::string(response["RateLimit"]);
  answer.ratelimit_remaining = std::string(response["RateLimit-Remaining"]);
  answer.ratelimit_reset = std::string(response["RateLimit-Reset"]);
  answer.body = std::move(response.body());
  blot_(answer.body);
  for (std::string* header :
       {&answer.location, &answer.retry_after, &answer.ratelimit, &answer.ratelimit_remaining, &answer.ratelimit_reset})
    blot_(*header);
  connection.reusable = response.keep_alive() && answer.status >= 200 && connection.buffer.size() == 0;
}

// An answer is not read further than its header until there is room for it: what the server cannot send waits there.
// (All that is to come is asked for at once, so that no two wait for each other.)
asio::awaitable<void> HttpTransport::wait_for_room(Connection& connection, Share& share, std::size_t bytes) {
  const auto timer = std::make_shared<asio::steady_timer>(loop_);
  while (!share.grow(std::min<std::size_t>(bytes, most_held))) {
    memory_->waiting.push_back(timer);
    timer->expires_at(connection.deadline.expiry());
    boost::system::error_code ignored;
    co_await timer->async_wait(asio::redirect_error(use_awaitable, ignored));
    if (connection.timed_out) throw boost::system::system_error(asio::error::timed_out);
  }
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
  const auto& proxy = settings_.proxy;
  connection->resolver.async_resolve(proxy ? proxy->host : target_.host, proxy ? proxy->port : target_.port,
                                     std::move(on_result));
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
  if (settings_.proxy) {
    connection->phase = Phase::tunnel;
    co_await tunnel(*connection);
  }

  connection->phase = Phase::handshake;
  auto on_certificate = [this, trouble = &connection->certificate_trouble](bool holds, asio::ssl::verify_context& at) {
    if (!holds) {
      *trouble = certificate_trouble(at.native_handle(), {url_, target_.host, settings_.ca_file.value_or("")});
    }
    return holds;
  };
  connection->tls->set_verify_callback(std::move(on_certificate));
  boost::system::error_code error;
  co_await connection->shake_hands(target_, session_.get(), error);
  if (error) throw boost::system::system_error(error);
}

// RFC 9110, 9.3.6: asks the proxy for a tunnel to the API. What goes through it is TLS, which the proxy cannot read.
asio::awaitable<void> HttpTransport::tunnel(Connection& connection) {
  const std::string authority = target_.authority();
  http::request<http::empty_body> request(http::verb::connect, authority, 11);
  request.set(http::field::host, authority);
  request.set(http::field::user_agent, "convoke");
  if (!settings_.proxy->authorization.empty())
    request.set(http::field::proxy_authorization, settings_.proxy->authorization);
  co_await http::async_write(connection.socket, request, use_awaitable);
  http::response_parser<http::empty_body> parser;
  parser.header_limit(largest_header);
  parser.skip(true);  // what follows a 2xx is the tunnel, and not a body
  co_await http::async_read_header(connection.socket, connection.buffer, parser, use_awaitable);
  const unsigned status = parser.get().result_int();
  connection.tunnel_status = status;
  // The server speaks first in no TLS: more than the header would be taken for its.
  if (status / 100 != 2 || connection.buffer.size() > 0)
    throw boost::system::system_error(asio::error::connection_refused);
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
  try {
    co_await call(request, answer);
  } catch (...) {
    if (answer.reached == Answer::Reached::no) throw;
    throw LostInside{std::current_exception()};
  }
  co_return answer;
}

asio::awaitable<void> HttpTransport::call(const Request& request, Answer& answer) {
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
  if (answer.reached != Answer::Reached::answered) {
    co_await explain(connection, error, answer);
    blot_(answer.error);  // a certificate is the server's words, too
  }
  connection->deadline.cancel();
  if (connection->reusable && !connection->timed_out) {
    connection->idle_since = std::chrono::steady_clock::now();
    idle_.push_back(std::move(connection));
  } else {
    connection->abort();
  }
}

// Sets the reason and the words of an answer that did not come.
asio::awaitable<void> HttpTransport::explain(std::shared_ptr<Connection> connection, boost::system::error_code error,
                                             Answer& answer) {
  const bool timed_out = connection->timed_out;
  const Phase phase = connection->phase;
  const std::string what =
      timed_out ? fmt::format("no answer within {}", describe_duration(settings_.timeout)) : excerpt(error.message());
  if (answer.reached == Answer::Reached::no && settings_.proxy && phase <= Phase::tunnel) {
    explain_proxy(*connection, error, what, answer);
    co_return;
  }
  if (refuses_us(error) && (answer.reached == Answer::Reached::no || !spoke_http_)) {
    // What was sent after a handshake that the server breaks off, it has not read.
    answer.reached = Answer::Reached::no;
    answer.reason = Reason::certificate;
    answer.error = settings_.client_cert
                       ? fmt::format("{} does not take the certificate that api.client_cert names: {}", url_, what)
                       : fmt::format("{} asks for a certificate of ours: name it in api.client_cert ({})", url_, what);
    co_return;
  }
  if (answer.reached == Answer::Reached::no) {
    answer.reason = reason_not_sent(phase, error, target_.host);
    // Where HTTP was spoken before, one answer in the clear is an accident of the way (an overloaded balancer), and
    // heals.
    if (answer.reason == Reason::not_tls && spoke_http_) answer.reason = Reason::not_connected;
    switch (answer.reason) {
      case Reason::certificate:
        answer.error = connection->certificate_trouble;
        if (!answer.error.empty()) break;
        answer.error = fmt::format("the certificate of {} does not verify: {}", url_, what);
        break;
      case Reason::not_tls:
        answer.error =
            fmt::format("{} does not speak TLS, and base_url says https: is it an http address? ({})", url_, what);
        break;
      case Reason::unknown_host:
        answer.error = fmt::format("there is no host {} ({}): {}", excerpt(target_.host), url_, what);
        break;
      default:
        if (phase == Phase::send) {
          answer.error = "the time to send it had passed (has this machine slept?)";
          break;
        }
        answer.error = fmt::format("cannot reach {}: {} ({})", url_, what, name_of(phase));
    }
    co_return;
  }

  bool wants_tls = connection->wants_tls;
  if (!target_.tls && !wants_tls) {
    const auto unread = connection->buffer.data();
    const std::string_view bytes(static_cast<const char*>(unread.data()), unread.size());
    const bool in_answer = connection->parser && connection->parser->is_header_done();
    wants_tls = !in_answer && starts_tls_record(bytes);
    const bool without_a_word = !in_answer && bytes.empty() && !timed_out && !spoke_http_ && !settings_.proxy;
    if (without_a_word) wants_tls = co_await speaks_tls(connection);
  }
  if (wants_tls && !spoke_http_) {
    // To a TLS server a plain request is no request.
    answer.reached = Answer::Reached::no;
    answer.reason = Reason::tls_expected;
    answer.error = fmt::format("{} expects TLS, and base_url says http: is it an https address?", url_);
  } else if (timed_out) {
    answer.reason = Reason::timed_out;
    answer.error = fmt::format("{} ({})", what, name_of(phase));
  } else {
    answer.reason = Reason::connection_lost;
    answer.error = fmt::format("{}: {}", name_of(phase), what);
  }
}

// Whether the server turns us away for our certificate, or for want of one.
bool HttpTransport::refuses_us(const boost::system::error_code& error) const {
  return (asks_for_certificate_ || settings_.client_cert) && turns_certificate_away(error);
}

// What keeps a call from getting beyond the proxy. It is never gone around.
void HttpTransport::explain_proxy(const Connection& connection, boost::system::error_code error,
                                  const std::string& what, Answer& answer) const {
  const Proxy& proxy = *settings_.proxy;
  const unsigned status = connection.tunnel_status;
  const std::string which = fmt::format("the proxy {} ({})", proxy.text, proxy.chosen_by);
  if (connection.phase != Phase::tunnel || connection.timed_out || status == 0) {
    answer.reason = reason_not_sent(connection.phase, error, proxy.host);
    answer.error = answer.reason == Reason::unknown_host
                       ? fmt::format("there is no host {}: {}: {}", excerpt(proxy.host), which, what)
                       : fmt::format("cannot get through {}: {} ({})", which, what, name_of(connection.phase));
    return;
  }
  // 403, 405, 407…: its rules or our credentials; 502, 503, 504: it does not reach the API now.
  answer.reason = status / 100 == 4 && status != 408 && status != 429 ? Reason::proxy_refused : Reason::not_connected;
  answer.error = fmt::format("{} answered {} to CONNECT{}", which, status,
                             status == 407       ? ": it wants other credentials than it was given"
                             : status / 100 == 2 ? ", and then not with the API but with words of its own"
                                                 : "");
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
    co_await probing->shake_hands(target_, nullptr, error);
    result = shows_tls(error) ? TlsProbe::tls : TlsProbe::no_tls;
  }
  probing->deadline.cancel();
  probing->abort();
  co_return result;
}

void check_certificates(const ApiSettings& settings) {
  asio::io_context loop;
  const SystemClock clock;
  const HttpTransport tried(loop.get_executor(), clock, settings);
}

}  // namespace convoke
