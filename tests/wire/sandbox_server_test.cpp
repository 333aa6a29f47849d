// The sandbox on a real socket, spoken to in plain bytes.
#include "sandbox/server.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <thread>

#include "base/error.h"
#include "cli/sandbox_command.h"

using namespace convoke;
namespace asio = boost::asio;

namespace {

constexpr const char* somebody = "00000000-0000-4000-8000-000000000001";

struct Server {
  explicit Server(SandboxSettings settings = {}, std::uint64_t longest_body = 100'000)
      : sandbox(std::move(settings)), server({.listen = "127.0.0.1:0", .longest_body = longest_body}, sandbox, clock) {}
  ~Server() { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// After it the record may be looked at.
  void stop() {
    server.stop();
    if (thread.joinable()) thread.join();
  }

  SystemClock clock;
  Sandbox sandbox;
  SandboxServer server;
  std::thread thread{[this] { server.run(); }};
};

struct Caller {
  explicit Caller(const Server& server) : socket(context) {
    socket.connect({asio::ip::make_address("127.0.0.1"), server.server.port()});
  }
  void send(std::string_view bytes) { asio::write(socket, asio::buffer(bytes)); }
  void post(std::string_view body) {
    send(
        fmt::format("POST /v1/courses/c/participants~bulkInvite HTTP/1.1\r\nHost: x\r\nAuthorization: k\r\n"
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                    body.size(), body));
  }
  void invite() { post(fmt::format(R"({{"spotMemberIds":["{}"]}})", somebody)); }
  /// One answer of known length, or all until the end.
  std::string answer() {
    std::string text;
    while (true) {
      const auto head = text.find("\r\n\r\n");
      const auto length = text.find("Content-Length: ");
      if (head != std::string::npos && length != std::string::npos &&
          text.size() >= head + 4 + std::stoul(text.substr(length + 16))) {
        return text;
      }
      char some[4096];
      const std::size_t bytes = socket.read_some(asio::buffer(some), error);
      if (error) return text;
      text.append(some, bytes);
    }
  }

  asio::io_context context;
  asio::ip::tcp::socket socket;
  boost::system::error_code error;  ///< how the reading ended
};

SandboxSettings always(FaultKind kind, int status = 0) {
  SandboxSettings settings;
  settings.faults = {{kind, status, 1}};
  return settings;
}

}  // namespace

TEST_CASE("a connection is kept for the next call") {
  Server server;
  Caller connection(server);
  connection.invite();
  const std::string first = connection.answer();
  CHECK(first.starts_with("HTTP/1.1 201 Created\r\n"));
  CHECK(first.find("\"status\":\"Invited\"") != std::string::npos);
  connection.invite();
  const std::string second = connection.answer();
  CHECK(second.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(second.find("Content-Length: 0\r\n") != std::string::npos);
  connection.send("GET /_sandbox/members HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(
      connection.answer().ends_with("\"asked\":2,\"invited\":true,\"invitations\":1,\"mails\":0,\"mails_again\":0,"
                                    "\"status\":\"Invited\"}\n\r\n0\r\n\r\n"));
  CHECK(connection.error == asio::error::eof);
  server.stop();
  CHECK(server.sandbox.stats().connections == 1);
  CHECK(server.sandbox.stats().requests == 2);
}

TEST_CASE("a lookup of many addresses gets through, and whom calls made is listed to the end") {
  Server server;
  Caller connection(server);
  std::string addresses = "a%40x";
  for (int i = 0; i < 5000; ++i) addresses += fmt::format(",person{}%40x", i);
  connection.send(
      fmt::format("GET /v1/spotMembers?email[in]={} HTTP/1.1\r\nHost: x\r\nAuthorization: k\r\n\r\n", addresses));
  CHECK(connection.answer().ends_with("\"total\":5001}"));
  connection.send("GET /_sandbox/made HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(connection.answer().ends_with("\r\n\r\n0\r\n\r\n"));
}

TEST_CASE("over the limit, the answer says when to come back") {
  SandboxSettings settings;
  settings.limits = {{1, std::chrono::minutes(1)}};
  Server server(settings);
  Caller connection(server);
  connection.invite();
  connection.answer();
  connection.invite();
  const std::string refused = connection.answer();
  CHECK(refused.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
  CHECK(refused.find("\r\nRetry-After: 60\r\n") != std::string::npos);
}

TEST_CASE("a body over the limit is refused before it is read, and the connection closed") {
  Server server({}, 1000);
  Caller connection(server);
  connection.post(std::string(5'000'000, ' '));
  const std::string refused = connection.answer();
  CHECK(refused.starts_with("HTTP/1.1 413 Payload Too Large\r\n"));
  CHECK(refused.find("\r\nConnection: close\r\n") != std::string::npos);
  server.stop();
  CHECK(server.sandbox.stats().statuses.at(413) == 1);
}

TEST_CASE("what is no HTTP request is answered 400, and the connection closed") {
  const std::string hello("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10);
  for (const std::string& bytes :
       {hello, std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("GET / HTTP/9\r\n\r\n")}) {
    CAPTURE(bytes);
    Server server;
    Caller connection(server);
    connection.send(bytes);
    const std::string refused = connection.answer();
    CHECK(refused.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(refused.ends_with("\r\n\r\nnot an HTTP request\n"));
    CHECK(connection.answer().empty());
    CHECK(connection.error == asio::error::eof);
    server.stop();
    CHECK(server.sandbox.stats().requests == 0);
  }
  // Half a request is no request, and no offence.
  Server server;
  Caller connection(server);
  connection.send("POST /v1/courses");
  connection.socket.shutdown(asio::ip::tcp::socket::shutdown_send);
  CHECK(connection.answer().empty());
}

TEST_CASE("an answer that never has a body has no length either, and the connection goes on") {
  SandboxSettings settings;
  settings.already = 204;
  Server server(settings);
  Caller connection(server);
  connection.invite();
  connection.answer();
  connection.invite();
  connection.send("GET /_sandbox/stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string both = connection.answer();
  const std::string expected = "HTTP/1.1 204 No Content\r\nServer: convoke-sandbox\r\n\r\n";
  CHECK(both.starts_with(expected + "HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("faults reach the wire as what they are called") {
  SUBCASE("reset") {
    Server server(always(FaultKind::reset));
    Caller connection(server);
    connection.invite();
    CHECK(connection.answer().empty());
    CHECK(connection.error == asio::error::connection_reset);
    server.stop();
    CHECK(server.sandbox.members().size() == 0);
  }
  SUBCASE("a redirect") {
    Server server(always(FaultKind::status, 307));
    Caller connection(server);
    connection.invite();
    const std::string redirect = connection.answer();
    CHECK(redirect.starts_with("HTTP/1.1 307 Temporary Redirect\r\n"));
    CHECK(redirect.find("\r\nLocation: https://elsewhere.invalid/\r\n") != std::string::npos);
  }
  SUBCASE("login") {
    Server server(always(FaultKind::login));
    Caller connection(server);
    connection.invite();
    const std::string page = connection.answer();
    CHECK(page.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(page.find("\r\nContent-Type: text/html\r\n") != std::string::npos);
    server.stop();
    CHECK(server.sandbox.members().size() == 0);
  }
  SUBCASE("reset-after") {
    Server server(always(FaultKind::reset_after));
    Caller connection(server);
    connection.invite();
    CHECK(connection.answer().empty());
    CHECK(connection.error == asio::error::connection_reset);
    server.stop();
    CHECK(server.sandbox.members().size() == 1);
  }
  SUBCASE("truncate") {
    Server server(always(FaultKind::truncate));
    Caller connection(server);
    connection.invite();
    const std::string half = connection.answer();
    CHECK(half.find("[{\"id\":") != std::string::npos);
    CHECK(half.find("completionRate") == std::string::npos);
    CHECK(connection.error == asio::error::eof);
  }
  SUBCASE("stall ends with the client, or with the server") {
    Server server(always(FaultKind::stall));
    Caller one(server);
    one.invite();
    one.socket.shutdown(asio::ip::tcp::socket::shutdown_send);
    CHECK(one.answer().empty());
    Caller other(server);
    other.invite();
    server.stop();
    CHECK(server.sandbox.members().size() == 1);
  }
}

TEST_CASE("an address in use, or none, is a usage error") {
  Server server;
  Sandbox other{SandboxSettings{}};
  const SystemClock clock;
  const auto exit_of = [&](const std::string& listen, const std::string& certificate = "") {
    try {
      SandboxServer second({.listen = listen, .tls_certificate = certificate, .tls_key = certificate}, other, clock);
    } catch (const Error& error) {
      return error.exit();
    }
    return Exit::ok;
  };
  CHECK(exit_of(fmt::format("127.0.0.1:{}", server.server.port())) == Exit::usage);
  CHECK(exit_of("127.0.0.1") == Exit::usage);
  CHECK(exit_of("127.0.0.1:70000") == Exit::usage);
  CHECK(exit_of(":80") == Exit::usage);
  CHECK(exit_of("127.0.0.1:0", "/does/not/exist.pem") == Exit::usage);
  CHECK(exit_of("[::1]:0") == Exit::ok);
}

TEST_CASE("options that cannot be are a usage error that names the option") {
  const auto where = [](const std::string& options) {
    CLI::App app;
    add_sandbox_command(app);
    try {
      app.parse("sandbox --listen nowhere " + options);
    } catch (const Error& error) {
      CHECK(error.exit() == Exit::usage);
      return error.where();
    }
    return std::string();
  };
  CHECK(where("--limits 100") == "--limits");
  CHECK(where("--limits 100/10s,") == "--listen");  // all but the address is right
  CHECK(where("--limits none") == "--listen");
  CHECK(where("--limits 20/1s,1000/1m --latency 20ms..80ms --faults 500:0.1 --poison 0,ff") == "--listen");
  CHECK(where("--latency 80ms..20ms") == "--latency");
  CHECK(where("--latency 5") == "--latency");
  CHECK(where("--faults 500") == "--faults");
  CHECK(where("--ignore 0g") == "--ignore");
  CHECK(where("--already 204 --faults 302:0.1,login:0.1") == "--listen");
  CHECK_THROWS_AS(where("--already 201"), CLI::ValidationError);
  CHECK(where("--addresses-known 0.9 --addresses-refused 0.1 --draft-courses a,b --page-limit 5") == "--listen");
  CHECK(where("--largest-lookup 50 --longest-target 4096") == "--listen");
  CHECK_THROWS_AS(where("--addresses-known 1.1"), CLI::ValidationError);
  CHECK_THROWS_AS(where("--page-limit 0"), CLI::ValidationError);
  CHECK(where("--first-page 0 --refuse-large-pages") == "--listen");
  CHECK_THROWS_AS(where("--first-page 2"), CLI::ValidationError);
  CHECK_THROWS_AS(where("--members members.csv --addresses-known 0.5"), CLI::ExcludesError);
}
