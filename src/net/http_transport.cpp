#include "net/http_transport.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "net/http.h"

namespace convoke {
namespace {

namespace asio = boost::asio;
using boost::system::system_error;
using Reached = Answer::Reached;
using Steady = std::chrono::steady_clock;

// Common servers close an idle connection after 5 s (Node) or more; one that is about to close is not worth the doubt
// it brings.
constexpr auto longest_idle = std::chrono::seconds(4);

}  // namespace

HttpTransport::HttpTransport(asio::any_io_executor loop, const Clock& clock, ApiSettings settings)
    : loop_(std::move(loop)), clock_(clock), settings_(std::move(settings)), memory_(std::make_shared<AnswerMemory>()) {
  std::string_view why;
  auto api = parse_url(settings_.base_url, why);
  if (!api) throw Error(Exit::bad_config, std::string(why), "api.base_url");
  api_ = std::move(*api);
  blot_.add(settings_.key);
  if (settings_.proxy && !settings_.proxy->secret.empty()) {
    blot_.add(settings_.proxy->secret);
    blot_.add(settings_.proxy->secret.substr(settings_.proxy->secret.find(':') + 1));
    blot_.add(settings_.proxy->authorization.substr(std::string_view("Basic ").size()));
  }
  if (api_.tls) tls_ = std::make_unique<TlsClient>(settings_, api_);
}

HttpTransport::~HttpTransport() = default;

asio::awaitable<Answer> HttpTransport::send(Request request) {
  Answer answer;
  try {
    co_await call(request, answer);
  } catch (...) {
    if (answer.reached == Reached::no) throw;
    throw LostInside{std::current_exception()};
  }
  // A certificate is the server's words, too.
  for (std::string* text : {&answer.body, &answer.location, &answer.retry_after, &answer.ratelimit,
                            &answer.ratelimit_remaining, &answer.ratelimit_reset, &answer.error})
    blot_(*text);
  co_return answer;
}

asio::awaitable<void> HttpTransport::call(const Request& request, Answer& answer) {
  std::shared_ptr<Connection> connection = idle_connection();
  const bool is_new = !connection;
  if (is_new) connection = std::make_shared<Connection>(loop_, tls_ ? &tls_->context() : nullptr);
  CallProgress& progress = connection->progress = {};
  connection->start_deadline(Steady::now() + settings_.timeout);
  bool is_reusable = false;
  try {
    if (is_new) co_await connection->open(settings_, api_, tls_.get());
    is_reusable = co_await exchange(*connection, request, answer);
  } catch (const system_error& failure) {
    progress.error = failure.code();
  }
  const bool has_no_thread = progress.phase == Phase::resolve && progress.error == asio::error::try_again;
  if (is_new && answer.reached == Reached::no && (has_no_thread || is_scarce(progress.error))) {
    connection->deadline.cancel();
    throw system_error(progress.error);
  }
  if (answer.reached != Reached::answered) co_await explain(*connection, answer);
  connection->deadline.cancel();
  if (is_reusable && !progress.timed_out) {
    connection->idle_since = Steady::now();
    idle_.push_back(std::move(connection));
  } else {
    connection->wire.reset();
  }
}

std::shared_ptr<Connection> HttpTransport::idle_connection() {
  const auto oldest = Steady::now() - longest_idle;
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    const Idle state = connection->look();
    if (state == Idle::speaks) server_.speaks_unasked = true;
    if (connection->idle_since >= oldest && state == Idle::silent && !server_.speaks_unasked) return connection;
  }
  return nullptr;
}

asio::awaitable<bool> HttpTransport::exchange(Connection& connection, const Request& request, Answer& answer) {
  connection.progress.phase = Phase::send;
  // The machine may have slept since the call was claimed, and its timers with it.
  if (clock_.now() > request.not_after) throw system_error(asio::error::timed_out);
  answer.reached = Reached::maybe;
  co_await write_request(connection, request, api_, settings_);
  connection.progress.phase = Phase::wait;
  co_return co_await read_answer(connection, memory_, server_, answer);
}

// Sets the reason and the words of an answer that did not come.
asio::awaitable<void> HttpTransport::explain(Connection& connection, Answer& answer) {
  const CallProgress progress = connection.progress;  // as it is now: the question may outlast the deadline
  const std::string what = progress.timed_out ? fmt::format("no answer within {}", describe_duration(settings_.timeout))
                                              : excerpt(progress.error.message());
  std::optional<Explanation> found;
  if (answer.reached == Reached::no && settings_.proxy && progress.phase <= Phase::tunnel) {
    found = explain_proxy(progress, *settings_.proxy, what);
  } else if (answer.reached == Reached::no || !server_.speaks_http) {
    found = explain_refusal(progress, what);
    // What was sent after a handshake that the server breaks off, it has not read.
    if (found) answer.reached = Reached::no;
  }
  if (!found && answer.reached == Reached::no) found = explain_way(progress, api_, what, server_.speaks_http);
  if (!found) {
    const bool is_tls_port = co_await wants_tls(connection);
    if (is_tls_port) {
      // To a TLS server a plain request is no request.
      answer.reached = Reached::no;
      found = {Reason::tls_expected,
               fmt::format("{} expects TLS, and base_url says http: is it an https address?", api_.text())};
    } else if (progress.timed_out) {
      found = {Reason::timed_out, fmt::format("{} ({})", what, name_of(progress.phase))};
    } else {
      found = {Reason::connection_lost, fmt::format("{}: {}", name_of(progress.phase), what)};
    }
  }
  answer.reason = found->reason;
  answer.error = std::move(found->words);
}

// Whether the server turns us away for our certificate, or for want of one.
std::optional<Explanation> HttpTransport::explain_refusal(const CallProgress& progress, const std::string& what) const {
  const bool is_about_ours = settings_.client_cert || (tls_ && tls_->asks_for_certificate());
  if (!is_about_ours || !turns_certificate_away(progress.error)) return std::nullopt;
  return Explanation{
      Reason::certificate,
      fmt::format(
          fmt::runtime(settings_.client_cert ? "{} does not take the certificate that api.client_cert names: {}"
                                             : "{} asks for a certificate of ours: name it in api.client_cert ({})"),
          api_.text(), what)};
}

asio::awaitable<bool> HttpTransport::wants_tls(Connection& connection) {
  const CallProgress& progress = connection.progress;
  bool wants = progress.wants_tls;
  if (!wants && !tls_ && !progress.in_answer) {
    const auto unread = connection.buffer.data();
    const std::string_view bytes(static_cast<const char*>(unread.data()), unread.size());
    wants = starts_tls_record(bytes);
    if (bytes.empty() && !progress.timed_out && !server_.speaks_http && !settings_.proxy)
      wants = co_await speaks_tls(connection);
  }
  co_return wants && !server_.speaks_http;
}

// Whether the server that broke off `connection` speaks TLS there. The first to ask finds out, the others wait for it,
// none beyond its own deadline.
asio::awaitable<bool> HttpTransport::speaks_tls(Connection& connection) {
  if (is_asking_) {
    co_await asked_.wait(connection.deadline);
  } else if (!speaks_tls_) {
    is_asking_ = true;
    speaks_tls_ = co_await ask_for_tls(connection, api_);
    is_asking_ = false;
    asked_.ring();
  }
  co_return speaks_tls_.value_or(false);
}

}  // namespace convoke
