// A server on a real socket that does as a script says, and a transport to hold against it.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/http_transport.h"

namespace convoke {

// What getaddrinfo does in these tests (deadline_test.cpp).
inline std::atomic<int> name_server_delay_ms{0};
inline std::atomic<int> name_server_error{0};  // of EAI_; 0: none

class ScriptedServer;

// One connection, as the script sees it.
class Peer {
 public:
  Peer(ScriptedServer& server, boost::asio::ip::tcp::socket socket) : server_(server), socket_(std::move(socket)) {}

  bool read_request();  // false: the client closed
  void send(std::string_view bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }
  void reset() {
    socket_.set_option(boost::asio::socket_base::linger(true, 0));
    socket_.close();
  }
  void wait_for_close() {
    char some[4096];
    boost::system::error_code error;
    while (!error) socket_.read_some(boost::asio::buffer(some), error);
  }
  void note(std::string request);  // one that the script has read itself
  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  ScriptedServer& server_;
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

using Script = std::function<void(Peer&)>;

class ScriptedServer {
 public:
  // The n-th connection follows the n-th script, later ones the last.
  explicit ScriptedServer(std::vector<Script> scripts)
      : scripts_(std::move(scripts)), acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}) {
    thread_ = std::thread([this] { accept(); });
  }
  ~ScriptedServer() {
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    thread_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& peer : peers_) peer.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url(const std::string& scheme = "http") const {
    return fmt::format("{}://127.0.0.1:{}", scheme, acceptor_.local_endpoint().port());
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return sockets_.size();
  }
  void note(std::string request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }

 private:
  void accept() {
    while (true) {
      boost::system::error_code error;
      boost::asio::ip::tcp::socket socket = acceptor_.accept(error);
      if (error) return;
      const std::lock_guard lock(mutex_);
      const Script& script = scripts_[std::min(sockets_.size(), scripts_.size() - 1)];
      // A copy of the descriptor: the script may close its own.
      sockets_.push_back(::dup(socket.native_handle()));
      peers_.emplace_back([this, &script, number = sockets_.size() - 1, socket = std::move(socket)]() mutable {
        Peer peer(*this, std::move(socket));
        // Nobody else may hold the connection open once the script is done with it.
        {
          const std::lock_guard inner(mutex_);
          ::close(sockets_[number]);
          sockets_[number] = peer.socket().native_handle();
        }
        script(peer);
        const std::lock_guard inner(mutex_);
        sockets_[number] = -1;
        boost::system::error_code ignored;
        peer.socket().close(ignored);
      });
    }
  }

  std::vector<Script> scripts_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<int> sockets_;
  std::vector<std::thread> peers_;
  std::thread thread_;
};

inline void Peer::note(std::string request) {
  server_.note(std::move(request));
}

inline bool Peer::read_request() {
  boost::system::error_code error;
  char some[65536];
  while (true) {
    const auto head = buffer_.find("\r\n\r\n");
    if (head != std::string::npos) {
      const auto length = buffer_.find("Content-Length: ");
      const std::size_t body = length < head ? std::stoul(buffer_.substr(length + 16)) : 0;
      if (buffer_.size() >= head + 4 + body) {
        server_.note(buffer_.substr(0, head + 4 + body));
        buffer_.erase(0, head + 4 + body);
        return true;
      }
    }
    const std::size_t bytes = socket_.read_some(boost::asio::buffer(some), error);
    if (error) return false;
    buffer_.append(some, bytes);
  }
}

// Answers every request on the connection with these bytes.
inline Script always(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    while (peer.read_request()) peer.send(bytes);
  };
}

// Answers one request with these bytes and closes.
inline Script once(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    peer.read_request();
    peer.send(bytes);
  };
}

inline std::string created(const std::string& body, const std::string& headers = "") {
  return fmt::format("HTTP/1.1 201 Created\r\n{}Content-Length: {}\r\n\r\n{}", headers, body.size(), body);
}

struct Client {
  explicit Client(const std::string& url, Duration timeout = std::chrono::seconds(5),
                  std::optional<std::string> ca_file = std::nullopt)
      : transport(loop.get_executor(), clock, settings(url, timeout, std::move(ca_file))) {}

  explicit Client(ApiSettings settings) : transport(loop.get_executor(), clock, std::move(settings)) {}

  static ApiSettings settings(const std::string& url, Duration timeout, std::optional<std::string> ca_file) {
    ApiSettings settings;
    settings.ca_file = std::move(ca_file);
    settings.base_url = url;
    settings.key = "secret-key";
    settings.timeout = timeout;
    return settings;
  }

  void start(Answer& answer, Request request = {"POST", "/x", "{}"}) {
    auto on_end = [&answer](std::exception_ptr error, Answer got) {
      REQUIRE_FALSE(error);
      answer = std::move(got);
    };
    boost::asio::co_spawn(loop, transport.send(std::move(request)), std::move(on_end));
  }
  Answer call(Request request = {"POST", "/x", "{}"}) {
    Answer answer;
    start(answer, std::move(request));
    loop.restart();
    loop.run();
    return answer;
  }

  boost::asio::io_context loop{1};
  SystemClock clock;
  HttpTransport transport;
};

inline std::string describe(const Answer& answer) {
  if (answer.reached == Answer::Reached::no) return "not sent: " + answer.error;
  if (answer.reached == Answer::Reached::maybe) return "maybe: " + answer.error;
  return fmt::format("{} {}", answer.status, answer.body);
}

}  // namespace convoke
