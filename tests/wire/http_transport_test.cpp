// The wire, against a server that does as a script says: what goes out, and what is read of what comes back.
#include "net/http_transport.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <boost/asio/write.hpp>
#include <thread>

#include "api/invite.h"
#include "members.h"
#include "scripted_server.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Reached = Answer::Reached;

TEST_CASE("the request, byte for byte") {
  ScriptedServer server({always(created("[]"))});
  Client client(server.url() + "/base/");
  const std::vector<MemberId> ids = {member(1), member(0xab)};
  CHECK(describe(client.call(invite_request({TargetKind::course, "a/b c\xC3\xA9?#~"}, ids, {}, false))) == "201 []");
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
    CHECK(invite_request({TargetKind::course, "c"}, one, settings, row.quiet).body == ids + row.expected);
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
