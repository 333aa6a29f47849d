// The one question that a server is asked which breaks off without a word: whether it speaks TLS.
#include <doctest/doctest.h>

#include <array>

#include "source_rows.h"
#include "tls_server.h"

using namespace convoke;
using namespace std::chrono_literals;
using Reached = Answer::Reached;

TEST_CASE("a server that breaks off without a word is asked once whether it speaks TLS, without a byte of HTTP") {
  const Script closes = [](Peer& peer) { peer.read_request(); };
  const Script resets = [](Peer& peer) {
    peer.read_request();
    peer.reset();
  };
  struct Row {
    std::string what;
    Script plain;
    Script asked;
    Reason expected;
  };
  for (const Row& row :
       {Row{"it does, whoever the certificate is for", closes, over_tls(make_certificate({.names = "DNS:x.example"})),
            Reason::tls_expected},
        Row{"it does, after a reset", resets, over_tls(make_certificate({.until = -24h})), Reason::tls_expected},
        Row{"it does, and refuses us", closes, says(std::string("\x15\x03\x03\x00\x02\x02\x28", 7)),
            Reason::tls_expected},
        Row{"it is a real one", over_tls(make_certificate({})), over_tls(make_certificate({})), Reason::tls_expected},
        Row{"it breaks off again", closes, says(""), Reason::connection_lost},
        Row{"it resets", resets, hears_and_resets, Reason::connection_lost},
        Row{"it speaks HTTP", closes, says("HTTP/1.1 400 Bad Request\r\n\r\n"), Reason::connection_lost}}) {
    CAPTURE(row.what);
    ScriptedServer server({row.plain, row.asked, row.plain});
    Client client(server.url());
    for (std::size_t call = 1; call <= 2; ++call) {
      const Answer answer = client.call();
      CHECK(answer.reason == row.expected);
      CHECK(answer.reached == (row.expected == Reason::tls_expected ? Reached::no : Reached::maybe));
      CHECK(server.connections() == call + 1);
      CHECK(server.requests().size() <= call);
    }
  }
}

TEST_CASE("calls that fail at once share the one question") {
  std::atomic<int> plain{0};
  // The first bytes tell a plain request from the question.
  const Certificate certificate = make_certificate({});
  const Script both = [&plain, tls = over_tls(certificate)](Peer& peer) {
    char first = 0;
    const auto got = ::recv(peer.socket().native_handle(), &first, 1, MSG_PEEK);
    if (got != 1) return;
    if (first != 'P') {
      std::this_thread::sleep_for(50ms);
      return tls(peer);
    }
    ++plain;
    peer.read_request();
  };
  ScriptedServer server({both});
  Client client(server.url());
  std::array<Answer, 5> answers;
  for (Answer& answer : answers) client.start(answer);
  client.loop.run();
  for (const Answer& answer : answers) CHECK(answer.reason == Reason::tls_expected);
  CHECK(plain == 5);
  CHECK(server.connections() == 6);
}

TEST_CASE("a port that speaks HTTP and TLS speaks HTTP: what it broke off stays in doubt") {
  // The first plain request is broken off; the second is answered once the question is asked, which waits for that.
  std::atomic<int> plain{0};
  std::atomic<bool> asked{false};
  std::atomic<bool> answered{false};
  const auto wait_for = [](const std::atomic<bool>& what) {
    for (int i = 0; i < 400 && !what; ++i) std::this_thread::sleep_for(5ms);
  };
  const Script both = [&, tls = over_tls(make_certificate({}))](Peer& peer) {
    char first = 0;
    if (::recv(peer.socket().native_handle(), &first, 1, MSG_PEEK) != 1) return;
    if (first != 'P') {
      asked = true;
      wait_for(answered);
      std::this_thread::sleep_for(50ms);
      return tls(peer);
    }
    peer.read_request();
    if (++plain == 1) return;
    wait_for(asked);
    peer.send(created("[]"));
    answered = true;
  };
  ScriptedServer server({both});
  Client client(server.url());
  std::array<Answer, 2> answers;
  for (Answer& answer : answers) client.start(answer);
  client.loop.run();
  const Answer& broken_off = answers[answers[0].reached == Reached::answered ? 1 : 0];
  CHECK(broken_off.reason == Reason::connection_lost);
  CHECK(broken_off.reached == Reached::maybe);
  CHECK(asked);
  CHECK(answered);
}

TEST_CASE("a server that has answered once is not asked, whatever it does later") {
  ScriptedServer server({once(created("[]")), [](Peer& peer) { peer.read_request(); }});
  Client client(server.url());
  CHECK(describe(client.call()) == "201 []");
  std::this_thread::sleep_for(20ms);
  for (int call = 0; call < 3; ++call) CHECK(client.call().reason == Reason::connection_lost);
  CHECK(server.connections() == 4);
}

TEST_CASE("the question ends with the call's deadline") {
  ScriptedServer server({[](Peer& peer) { peer.read_request(); }, [](Peer& peer) { peer.wait_for_close(); }});
  Client client(server.url(), 200ms);
  const auto started = std::chrono::steady_clock::now();
  const Answer answer = client.call();
  CHECK(answer.reason == Reason::connection_lost);
  CHECK(answer.reached == Reached::maybe);
  CHECK(std::chrono::steady_clock::now() - started < 2s);
}
