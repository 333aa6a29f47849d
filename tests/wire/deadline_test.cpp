// The one deadline of a call, in every phase of it.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netdb.h>

#include <boost/asio/write.hpp>
#include <latch>
#include <thread>

#include "scripted_server.h"

using namespace convoke;
using namespace std::chrono_literals;
namespace asio = boost::asio;

// Name resolution with a slow server, or one that fails: the program's own getaddrinfo otherwise.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
  using Resolve = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto resolve = reinterpret_cast<Resolve>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name_server_delay_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(name_server_delay_ms));
  if (name_server_error != 0) return name_server_error;
  return resolve(name, service, hints, result);
}

TEST_CASE("a call is over at its deadline, in whatever phase it is") {
  struct Row {
    std::string what;
    Script script;
    std::string expected;
  };
  for (const Row& row : std::vector<Row>{
           {"never answers",
            [](Peer& peer) {
              peer.read_request();
              peer.wait_for_close();
            },
            "maybe: no answer within 150 ms (wait for the answer)"},
           {"sends half",
            [](Peer& peer) {
              peer.read_request();
              peer.send("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n[1,2");
              peer.wait_for_close();
            },
            "maybe: no answer within 150 ms (wait for the answer)"},
           {"sends byte by byte",
            [](Peer& peer) {
              peer.read_request();
              peer.send("HTTP/1.1 201 Created\r\nContent-Length: 9999\r\n\r\n");
              boost::system::error_code error;
              while (!error) {
                asio::write(peer.socket(), asio::buffer("x", 1), error);
                std::this_thread::sleep_for(10ms);
              }
            },
            "maybe: no answer within 150 ms (wait for the answer)"},
           {"sends interim answers without end",
            [](Peer& peer) {
              peer.read_request();
              boost::system::error_code error;
              while (!error) {
                asio::write(peer.socket(), asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")), error);
                std::this_thread::sleep_for(5ms);
              }
            },
            "maybe: no answer within 150 ms (wait for the answer)"}}) {
    CAPTURE(row.what);
    ScriptedServer server({row.script});
    Client client(server.url(), 150ms);
    const auto started = std::chrono::steady_clock::now();
    const Answer answer = client.call();
    CHECK(describe(answer) == row.expected);
    CHECK(answer.reason == Reason::timed_out);
    const auto took = std::chrono::steady_clock::now() - started;
    CHECK(took >= 150ms);
    CHECK(took < 2s);
  }
}

TEST_CASE("and in the phases before the request is out") {
  SUBCASE("the server takes nothing") {
    // More than the kernel takes on both sides (4 MiB to send, some 100 KiB that nobody reads), and held open until the
    // call is over, however long a busy machine makes of it.
    std::latch call_is_over(1);
    ScriptedServer server({[&](Peer&) { call_is_over.wait(); }});
    Client client(server.url(), 500ms);
    const Answer answer = client.call({"POST", "/x", std::string(32 << 20, 'x')});
    call_is_over.count_down();
    CHECK(describe(answer) == "maybe: no answer within 500 ms (send)");
  }
  SUBCASE("the handshake does not go on") {
    ScriptedServer server({[](Peer& peer) { peer.wait_for_close(); }});
    Client client(server.url("https"), 150ms);
    CHECK(describe(client.call()) ==
          fmt::format("not sent: cannot reach {}: no answer within 150 ms (TLS handshake)", server.url("https")));
  }
  SUBCASE("the server does not accept") {
    asio::io_context context;
    asio::ip::tcp::acceptor acceptor(context);
    acceptor.open(asio::ip::tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen(0);
    // Fill its queue; further connections are not answered at all.
    std::vector<asio::ip::tcp::socket> fillers;
    const auto address = acceptor.local_endpoint();
    for (int i = 0; i < 3; ++i) {
      fillers.emplace_back(context, asio::ip::tcp::v4());
      fillers.back().native_non_blocking(true);
      static_cast<void>(
          ::connect(fillers.back().native_handle(), address.data(), static_cast<socklen_t>(address.size())));
    }
    std::this_thread::sleep_for(20ms);
    const std::string url = fmt::format("http://127.0.0.1:{}", acceptor.local_endpoint().port());
    const Answer answer = Client(url, 150ms).call();
    CHECK(describe(answer) == fmt::format("not sent: cannot reach {}: no answer within 150 ms (connect)", url));
    CHECK(answer.reason == Reason::not_connected);
  }
}

TEST_CASE("a name that is slow to resolve costs no more than the timeout, and nothing is sent after it") {
  ScriptedServer server({always(created("[]"))});
  {
    const std::string url = "http://localhost" + server.url().substr(16);
    Client client(url, 100ms);
    name_server_delay_ms = 400;
    const auto started = std::chrono::steady_clock::now();
    Answer answer;
    std::chrono::steady_clock::duration took{};
    auto on_end = [&](std::exception_ptr, Answer got) {
      answer = std::move(got);
      took = std::chrono::steady_clock::now() - started;
    };
    asio::co_spawn(client.loop, client.transport.send({"POST", "/x", "{}"}), std::move(on_end));
    client.loop.run();
    name_server_delay_ms = 0;
    CHECK(describe(answer) == fmt::format("not sent: cannot reach {}: no answer within 100 ms (resolve)", url));
    CHECK(answer.reason == Reason::not_connected);
    CHECK(took < 350ms);
    CHECK(server.requests().empty());
    CHECK(describe(client.call()) == "201 []");  // and the next call is as if nothing had been
  }
  CHECK(server.requests().size() == 1);
}

TEST_CASE("after a timeout the connection is gone: a late answer is nobody's") {
  ScriptedServer server({[](Peer& peer) {
                           peer.read_request();
                           std::this_thread::sleep_for(200ms);
                           peer.send(created("late"));
                         },
                         always(created("new"))});
  Client client(server.url(), 100ms);
  CHECK(describe(client.call()) == "maybe: no answer within 100 ms (wait for the answer)");
  std::this_thread::sleep_for(150ms);
  CHECK(describe(client.call()) == "201 new");
  CHECK(server.connections() == 2);
}
