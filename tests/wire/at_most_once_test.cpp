// The wire, against a server that does as a script says: how often a request goes out, and what is known afterwards.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>

#include "scripted_server.h"
#include "source_rows.h"

using namespace convoke;
using namespace std::chrono_literals;
using Reached = Answer::Reached;

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
