#include "net/http.h"

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http.hpp>
#include <iterator>
#include <string>

namespace convoke {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::use_awaitable;
using boost::system::system_error;
using Parser = http::response_parser<http::string_body>;

constexpr std::uint64_t largest_answer = 12ULL << 20U;  // the fullest there can be, of 10,000 participants, is 8
constexpr std::size_t most_reserved = 1U << 20U;
constexpr std::uint32_t largest_header = 32U << 10U;
constexpr std::ptrdiff_t most_fields = 200;  // each costs memory of its own, while the body is waited for
constexpr std::size_t json_padding = 64;     // simdjson reads so far beyond the end

asio::awaitable<void> read_header(Connection& connection, Parser& parser) {
  parser.body_limit(largest_answer);
  parser.header_limit(largest_header);
  boost::system::error_code error;
  co_await http::async_read_header(connection.wire, connection.buffer, parser,
                                   asio::redirect_error(use_awaitable, error));
  connection.progress.in_answer = parser.is_header_done();
  if (error) throw system_error(error);
  const auto& fields = parser.get().base();
  if (std::distance(fields.begin(), fields.end()) > most_fields) throw system_error(http::error::header_limit);
}

// (All that is to come is asked for at once, so that no two wait for each other.)
asio::awaitable<void> read_body(Connection& connection, Parser& parser, MemoryShare& share, std::size_t usual) {
  const std::size_t expected = parser.content_length().value_or(usual);
  while (!share.grow(std::min(expected, AnswerMemory::most))) {
    co_await share.memory->given_back.wait(connection.deadline);
    if (connection.progress.timed_out) throw system_error(asio::error::timed_out);
  }
  std::string& body = parser.get().body();
  // Room for the body and what simdjson reads beyond it, so that it is neither grown nor moved.
  body.reserve(std::min(expected, most_reserved) + json_padding);
  while (!parser.is_done()) {
    co_await http::async_read_some(connection.wire, connection.buffer, parser, use_awaitable);
    if (body.size() > share.bytes && !share.grow(body.size())) throw system_error(http::error::body_limit);
  }
}

// 100 Continue, 103 Early Hints: it comes before the answer and is not it.
bool is_interim(unsigned status) {
  return status / 100 == 1 && status != 101;
}

// An answer whose end is the connection's end may have been cut off, and where nothing was said yet, nothing shows it.
bool may_be_cut(bool needs_eof, const std::string& body, unsigned status) {
  const bool is_blank = body.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  return needs_eof && is_blank && status / 100 == 2 && status != 204;
}

}  // namespace

// RFC 9110, 9.3.6.
asio::awaitable<void> open_tunnel(Connection& connection, const Url& api, const Proxy& proxy) {
  const std::string authority = api.authority();
  http::request<http::empty_body> request(http::verb::connect, authority, 11);
  request.set(http::field::host, authority);
  request.set(http::field::user_agent, "convoke");
  if (!proxy.authorization.empty()) request.set(http::field::proxy_authorization, proxy.authorization);
  co_await http::async_write(connection.wire.socket, request, use_awaitable);
  http::response_parser<http::empty_body> parser;
  parser.header_limit(largest_header);
  parser.skip(true);  // what follows a 2xx is the tunnel, and not a body
  co_await http::async_read_header(connection.wire.socket, connection.buffer, parser, use_awaitable);
  const unsigned status = parser.get().result_int();
  connection.progress.tunnel_status = status;
  // The server speaks first in no TLS: more than the header would be taken for its.
  if (status / 100 != 2 || connection.buffer.size() > 0) throw system_error(asio::error::connection_refused);
}

asio::awaitable<void> write_request(Connection& connection, const Request& request, const Url& api,
                                    const ApiSettings& settings) {
  std::string target = api.path + request.target;
  // RFC 9112, 3.2.2: to a proxy the whole address.
  const bool to_proxy = settings.proxy && !api.tls;
  if (to_proxy) target.insert(0, "http://" + api.host_header);
  http::request<http::string_body> message(http::string_to_verb(request.method), target, 11);
  message.set(http::field::host, api.host_header);
  if (to_proxy && !settings.proxy->authorization.empty())
    message.set(http::field::proxy_authorization, settings.proxy->authorization);
  message.set(http::field::authorization, settings.key.text());
  message.set(http::field::user_agent, "convoke");
  message.set(http::field::accept, "application/json");
  if (!request.body.empty()) {
    message.set(http::field::content_type, "application/json");
    message.body() = request.body;
  }
  message.prepare_payload();
  co_await http::async_write(connection.wire, message, use_awaitable);
}

asio::awaitable<bool> read_answer(Connection& connection, const std::shared_ptr<AnswerMemory>& memory,
                                  ServerHabits& server, Answer& answer) {
  std::optional<Parser> parser;
  unsigned status = 0;
  while (true) {
    parser.emplace();
    co_await read_header(connection, *parser);
    const auto share = std::make_shared<MemoryShare>(memory);
    answer.hold = share;
    co_await read_body(connection, *parser, *share, server.largest_body);
    status = parser->get().result_int();
    if (!is_interim(status)) break;
    server.speaks_http = true;
  }
  auto response = parser->release();
  if (may_be_cut(response.need_eof(), response.body(), status)) throw system_error(http::error::partial_message);
  connection.progress.wants_tls = !connection.wire.tls && asks_for_tls(status, response.body());
  if (connection.progress.wants_tls) co_return false;
  server.speaks_http = true;
  server.largest_body = std::min(std::max(server.largest_body, response.body().size()), most_reserved);
  answer.reached = Answer::Reached::answered;
  answer.status = static_cast<int>(status);
  answer.retry_after = std::string(response[http::field::retry_after]);
  answer.location = std::string(response[http::field::location]);
  answer.ratelimit = std::string(response["RateLimit"]);
  answer.ratelimit_remaining = std::string(response["RateLimit-Remaining"]);
  answer.ratelimit_reset = std::string(response["RateLimit-Reset"]);
  answer.body = std::move(response.body());
  co_return response.keep_alive() && status >= 200 && connection.buffer.size() == 0;
}

}  // namespace convoke
