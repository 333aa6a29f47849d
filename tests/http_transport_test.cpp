// The wire, against a server that does as a script says: what went out, how often, and what is known afterwards.
#include "net/http_transport.h"

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netdb.h>

#include <array>
#include <boost/asio/write.hpp>
#include <latch>
#include <thread>

#include "api/invite.h"
#include "base/error.h"
#include "members.h"
#include "scripted_server.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Reached = Answer::Reached;

// Name resolution with a slow server, or one that fails: the program's own getaddrinfo otherwise.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
  using Resolve = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto resolve = reinterpret_cast<Resolve>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name_server_delay_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(name_server_delay_ms));
  if (name_server_error != 0) return name_server_error;
  return resolve(name, service, hints, result);
}

TEST_CASE("the request, byte for byte") {
  ScriptedServer server({always(created("[]"))});
  Client client(server.url() + "/base/");
  const std::vector<MemberId> ids = {member(1), member(0xab)};
  CHECK(describe(client.call(invite_request("a/b c\xC3\xA9?#~", ids, {}, false))) == "201 []");
  const std::string body =
      R"({"spotMemberIds":["00000000-0000-4000-8000-000000000001","00000000-0000-4000-8000-0000000000ab"]})";
  REQUIRE(server.requests().size() == 1);
  CHECK(server.requests()[0] ==
        fmt::format("POST /base/v1/courses/a%2Fb%20c%C3%A9%3F%23~/participants~bulkInvite HTTP/1.1\r\n"
                    "Host: {}\r\n"
                    "Authorization: secret-key\r\n"
                    "User-Agent: convoke\r\n"
                    "Accept: application/json\r\n"
                    "Content-Type: application/json\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    server.url().substr(7), body.size(), body));
  CHECK(describe(client.call({"GET", "/y", ""})) == "201 []");
  CHECK(server.requests()[1].starts_with("GET /base/y HTTP/1.1\r\n"));
  CHECK_FALSE(contains(server.requests()[1], "Content-Type"));
}

TEST_CASE("an optional field that is not set is left out of the body; quiet sends no e-mail whatever is set") {
  struct Row {
    std::optional<std::string> invited_by;
    std::optional<bool> email;
    bool quiet;
    std::string expected;
  };
  const std::string ids = R"({"spotMemberIds":["00000000-0000-4000-8000-000000000001"])";
  for (const Row& row :
       std::vector<Row>{{{}, {}, false, "}"},
                        {{}, true, false, R"(,"withEmailNotification":true})"},
                        {{}, false, false, R"(,"withEmailNotification":false})"},
                        {{}, {}, true, R"(,"withEmailNotification":false})"},
                        {{}, true, true, R"(,"withEmailNotification":false})"},
                        {"me\"\n", {}, false, R"(,"invitedBySpotMemberId":"me\"\n"})"},
                        {"me", true, false, R"(,"invitedBySpotMemberId":"me","withEmailNotification":true})"}}) {
    InviteSettings settings;
    settings.invited_by = row.invited_by;
    settings.email_notification = row.email;
    const auto one = members(1);
    CHECK(invite_request("c", one, settings, row.quiet).body == ids + row.expected);
  }
}

TEST_CASE("calls one after the other use one connection; calls at once have one each") {
  ScriptedServer server({always(created("[1]"))});
  Client client(server.url());
  for (int call = 0; call < 20; ++call) REQUIRE(describe(client.call()) == "201 [1]");
  CHECK(server.connections() == 1);
  CHECK(server.requests().size() == 20);
  std::array<Answer, 3> answers;
  for (Answer& answer : answers) client.start(answer);
  client.loop.restart();
  client.loop.run();
  for (const Answer& answer : answers) CHECK(describe(answer) == "201 [1]");
  CHECK(server.connections() == 3);
  for (int call = 0; call < 5; ++call) client.call();
  CHECK(server.connections() == 3);
}

TEST_CASE("answers in every form that HTTP allows are read whole") {
  struct Row {
    std::string what;
    std::string bytes;
    std::string expected;
    bool reused;
  };
  const std::string big(1 << 20, 'x');
  for (const Row& row : std::vector<Row>{
           {"with a length", created("[]"), "201 []", true},
           {"without a body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 ", true},
           {"204", "HTTP/1.1 204 No Content\r\n\r\n", "204 ", true},
           {"chunked",
            "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n[1\r\n3\r\n,2]\r\n0\r\nTrailer: "
            "t\r\n\r\n",
            "201 [1,2]", true},
           {"large", created(big), "201 " + big, true},
           {"until the end", "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n[3]", "201 [3]", false},
           {"asking to close", created("[]", "Connection: close\r\n"), "201 []", false},
           {"of HTTP/1.0", "HTTP/1.0 201 Created\r\nContent-Length: 2\r\n\r\n[]", "201 []", false},
           {"more than it said", created("[]") + "junk", "201 []", false},
           {"with an odd status", "HTTP/1.1 299 Well\r\nContent-Length: 0\r\n\r\n", "299 ", true},
           {"a redirect, not followed", "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", "302 ",
            true},
           {"after 100 Continue", "HTTP/1.1 100 Continue\r\n\r\n" + created("[]"), "201 []", true},
           {"after two interim answers",
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + created("[]"), "201 []",
            true},
           {"switching to what nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "101 ",
            false}}) {
    CAPTURE(row.what);
    ScriptedServer server({row.expected == "201 [3]" ? once(row.bytes) : always(row.bytes)});
    Client client(server.url());
    CHECK(describe(client.call()) == row.expected);
    CHECK(server.requests().size() == 1);
    CHECK(describe(client.call()) == row.expected);
    CHECK(server.requests().size() == 2);
    CHECK(server.connections() == (row.reused ? 1 : 2));
  }
}

TEST_CASE("an interim answer that comes long before the real one is not taken for it, nor left to the next call") {
  ScriptedServer server({[](Peer& peer) {
    for (int call = 1; peer.read_request(); ++call) {
      peer.send("HTTP/1.1 100 Continue\r\n\r\n");
      std::this_thread::sleep_for(30ms);
      peer.send(created(std::to_string(call)));
    }
  }});
  Client client(server.url());
  for (int call = 1; call <= 3; ++call) CHECK(describe(client.call()) == fmt::format("201 {}", call));
}

TEST_CASE("headers about rates are passed on as they came") {
  ScriptedServer server(
      {always("HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nRATELIMIT: \"p\";r=0;t=7\r\nRateLimit-Limit: 100\r\n"
              "RateLimit-Remaining: 0\r\nRateLimit-Reset: 7\r\nContent-Length: 0\r\n\r\n")});
  Client client(server.url());
  const Answer answer = client.call();
  CHECK(answer.status == 429);
  CHECK(answer.retry_after == "7");
  CHECK(answer.ratelimit == "\"p\";r=0;t=7");
  CHECK(answer.ratelimit_remaining == "0");
  CHECK(answer.ratelimit_reset == "7");
}

TEST_CASE("what can have reached the server is told from what cannot") {
  struct Row {
    std::string what;
    Script script;
    std::string expected;  // how the description starts
    std::size_t requests;
    bool without_a_word = false;
  };
  for (const Row& row : std::vector<Row>{
           {"closed after the request", [](Peer& peer) { peer.read_request(); }, "maybe: wait for the answer: ", 1,
            true},
           {"reset after the request",
            [](Peer& peer) {
              peer.read_request();
              peer.reset();
            },
            "maybe: wait for the answer: ", 1, true},
           {"reset with the request unread",
            [](Peer& peer) {
              std::this_thread::sleep_for(20ms);
              peer.reset();
            },
            "maybe: wait for the answer: ", 0, true},
           {"half a head", once("HTTP/1.1 201 Cre"), "maybe: wait for the answer: ", 1},
           {"a head without its end", once("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n"),
            "maybe: wait for the answer: ", 1},
           {"half a body", once("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n[1,2"),
            "maybe: wait for the answer: ", 1},
           {"half a chunk", once("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n[1,2"),
            "maybe: wait for the answer: ", 1},
           {"no last chunk", once("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n"),
            "maybe: wait for the answer: ", 1},
           {"reset inside the body",
            [](Peer& peer) {
              peer.read_request();
              peer.send("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n[1,2");
              std::this_thread::sleep_for(20ms);
              peer.reset();
            },
            "maybe: wait for the answer: ", 1},
           {"no HTTP", once("SSH-2.0-OpenSSH_9.2\r\n"), "maybe: wait for the answer: ", 1},
           {"an interim answer only", once("HTTP/1.1 100 Continue\r\n\r\n"), "maybe: wait for the answer: ", 1},
           {"a 200 that may be cut off before its body", once("HTTP/1.1 200 OK\r\n\r\n"),
            "maybe: wait for the answer: ", 1},
           {"and behind the blank lines that a page begins with", once("HTTP/1.1 200 OK\r\n\r\n\r\n \t\r\n"),
            "maybe: wait for the answer: ", 1},
           {"as many fields as fit",
            [](Peer& peer) {
              peer.read_request();
              std::string head = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n";
              for (int field = 0; field < 300; ++field) head += "a:\r\n";
              peer.send(head + "\r\n[]");
            },
            "maybe: wait for the answer: header limit exceeded", 1},
           {"a huge head", once("HTTP/1.1 201 Created\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n"),
            "maybe: wait for the answer: header limit exceeded", 1},
           {"a body beyond what is read", once("HTTP/1.1 201 Created\r\nContent-Length: 16800000\r\n\r\n"),
            "maybe: wait for the answer: body limit exceeded", 1}}) {
    CAPTURE(row.what);
    ScriptedServer server({row.script, [](Peer&) {}});
    Client client(server.url());
    const Answer answer = client.call();
    CHECK(describe(answer).starts_with(row.expected));
    CHECK(answer.reason == Reason::connection_lost);
    CHECK(answer.error.size() > std::string("wait for the answer: ").size());
    CHECK_FALSE(contains(answer.error, "secret-key"));
    CHECK(server.requests().size() == row.requests);
    // And it was not tried again: one that broke off without a word was asked whether it speaks TLS, no more.
    CHECK(server.connections() == (row.without_a_word ? 2 : 1));
  }
}

TEST_CASE("a reset while connecting is never taken for an answer, and not tried again") {
  // Whether the connection counts as made before it is reset is for the kernel to say.
  for (int round = 0; round < 20; ++round) {
    ScriptedServer server({[](Peer& peer) { peer.reset(); }});
    Client client(server.url());
    CHECK(client.call().reached != Reached::answered);
    CHECK(server.requests().empty());
    CHECK(server.connections() <= 2);  // with the question whether it speaks TLS
  }
}

TEST_CASE("what was never sent says so") {
  std::string closed;
  {
    ScriptedServer server({always("")});
    closed = server.url();
  }
  const Answer refused = Client(closed).call();
  CHECK(describe(refused) == fmt::format("not sent: cannot reach {}: Connection refused (connect)", closed));
  CHECK(refused.reason == Reason::not_connected);

  ScriptedServer server({always(created("[]"))});
  const Answer late = Client(server.url()).call({"POST", "/x", "{}", SystemClock().now() - 1s});
  CHECK(describe(late).starts_with("not sent: the time to send it had passed"));
  CHECK(late.reason == Reason::not_connected);
  CHECK(server.requests().empty());
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
    tcp::acceptor acceptor(context);
    acceptor.open(tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen(0);
    // Fill its queue; further connections are not answered at all.
    std::vector<tcp::socket> fillers;
    const auto address = acceptor.local_endpoint();
    for (int i = 0; i < 3; ++i) {
      fillers.emplace_back(context, tcp::v4());
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

TEST_CASE("a connection that the server closed while idle is seen before it is used: every request arrives once") {
  ScriptedServer server({once(created("[1]"))});
  Client client(server.url());
  for (int call = 0; call < 5; ++call) {
    CHECK(describe(client.call()) == "201 [1]");
    std::this_thread::sleep_for(20ms);
  }
  CHECK(server.requests().size() == 5);
  CHECK(server.connections() == 5);
}

TEST_CASE("a connection that closes under a request leaves it in doubt, and it is not sent again") {
  ScriptedServer server({[](Peer& peer) {
                           peer.read_request();
                           peer.send(created("[1]"));
                           peer.read_request();  // taken, and not answered
                         },
                         always(created("[2]"))});
  Client client(server.url());
  CHECK(describe(client.call()) == "201 [1]");
  CHECK(describe(client.call({"POST", "/second", "{}"})).starts_with("maybe: wait for the answer: "));
  CHECK(server.requests().size() == 2);
  CHECK(server.connections() == 1);
  CHECK(describe(client.call()) == "201 [2]");
  CHECK(server.requests().size() == 3);
}

TEST_CASE("what the server says unasked on an idle connection is no answer to the next call") {
  ScriptedServer server({[](Peer& peer) {
                           peer.read_request();
                           peer.send(created("[1]"));
                           std::this_thread::sleep_for(20ms);
                           peer.send(created("unasked"));
                           peer.wait_for_close();
                         },
                         always(created("[2]"))});
  Client client(server.url());
  CHECK(describe(client.call()) == "201 [1]");
  std::this_thread::sleep_for(60ms);
  CHECK(describe(client.call()) == "201 [2]");
  // A server that does so is no more trusted to answer once: each call has a connection of its own.
  CHECK(describe(client.call()) == "201 [2]");
  CHECK(server.connections() == 3);
}

TEST_CASE("answers are read when there is room for them: their memory is bounded, and none is lost") {
  const std::string body(5U << 20U, 'x');  // as large as an answer for 10,000 members
  ScriptedServer server({always(created(body))});
  Client client(server.url(), 20s);
  std::array<Answer, 12> answers;
  int done = 0;
  std::size_t most = 0;
  std::size_t held = 0;
  for (Answer& answer : answers) {
    auto on_end = [&](std::exception_ptr error, Answer got) {
      REQUIRE_FALSE(error);
      ++done;
      held += got.body.size();
      most = std::max(most, held);
      answer = std::move(got);
      // Recorded, and let go of, a little later.
      asio::post(client.loop, [&] {
        held -= answer.body.size();
        CHECK(answer.body.size() == body.size());
        answer = Answer{};
      });
    };
    asio::co_spawn(client.loop, client.transport.send({"POST", "/x", "{}"}), std::move(on_end));
  }
  client.loop.run();
  CHECK(done == 12);
  CHECK(most <= (24U << 20U));
  // One that says more than there can be is not read, and neither is one that does not say and goes on for ever.
  ScriptedServer endless({[](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    boost::system::error_code error;
    while (!error) asio::write(peer.socket(), asio::buffer(chunk), error);
  }});
  CHECK(describe(Client(endless.url(), 20s).call()).starts_with("maybe: wait for the answer: body limit exceeded"));
  // Nor what goes on for ever around a body: behind the size of a chunk, and after the last one.
  for (const std::string begin : {"1;x=", "0\r\nTrailer: "}) {
    CAPTURE(begin);
    std::size_t sent = 0;
    {
      ScriptedServer around({[&](Peer& peer) {
        peer.read_request();
        peer.send("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + begin);
        const std::string more(65536, 'x');
        boost::system::error_code error;
        while (!error && sent < (64U << 20U)) sent += asio::write(peer.socket(), asio::buffer(more), error);
      }});
      CHECK(describe(Client(around.url(), 20s).call()).starts_with("maybe: wait for the answer: buffer overflow"));
    }
    CHECK(sent < (64U << 20U));
  }
}

TEST_CASE("by a proxy an http URL is asked for whole, with the proxy's credentials, and never straight") {
  ScriptedServer proxy({always(created("[]"))});
  asio::io_context loop;
  ApiSettings settings = Client::settings("http://api.example.test/v", 5s, std::nullopt);
  const auto none = [](const std::string&) { return std::optional<std::string>(); };
  std::string_view why;
  settings.proxy = proxy_for(*parse_url(settings.base_url, why), "http://ann:secret@" + proxy.url().substr(7), none);
  Client client(settings);
  CHECK(describe(client.call()) == "201 []");
  REQUIRE(proxy.requests().size() == 1);
  CHECK(proxy.requests()[0].starts_with("POST http://api.example.test/v/x HTTP/1.1\r\nHost: api.example.test\r\n"));
  CHECK(contains(proxy.requests()[0], "Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n"));

  ScriptedServer api({always(created("straight"))});
  settings.base_url = api.url();
  settings.proxy->port = "1";  // nobody listens there
  const Answer down = Client(settings).call();
  CHECK(down.reached == Reached::no);
  CHECK(down.reason == Reason::not_connected);
  CHECK(contains(down.error, "proxy"));
  CHECK(api.connections() == 0);
}

TEST_CASE("a base URL or a CA file that cannot be used is a mistake of the config") {
  for (const std::string url :
       {"", "example.org", "ftp://example.org", "http://", "https:///x", "http://exa mple.org"}) {
    CAPTURE(url);
    CHECK(error_of([&] { Client client(url); }).starts_with("78 api.base_url: "));
  }
  asio::io_context loop;
  const SystemClock clock;
  ApiSettings settings;
  settings.ca_file = "/does/not/exist.pem";
  CHECK(error_of([&] { HttpTransport(loop.get_executor(), clock, settings); }).starts_with("78 /does/not/exist.pem: "));
}
